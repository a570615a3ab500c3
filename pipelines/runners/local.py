"""Runs the pipeline on this machine: LocalDagRunner, SQLite metadata, Beam's DirectRunner."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console

from pipelines.config import RunConfig
from pipelines.runners.progress import ComponentProgress

BEAM_ARGS = ["--runner=DirectRunner", "--direct_running_mode=in_memory", "--direct_num_workers=1"]


def run_locally(config: RunConfig, console: Console, enable_cache: bool = True) -> None:
    """Runs all components in this process; those whose inputs have not changed are taken from the cache.

    A run that was killed goes on after its last finished component when it is run again.

    Args:
        config: The run's configuration.
        console: Where progress goes; everything else goes to the run's log file.
        enable_cache: Whether finished components are reused.
    """
    config.paths.root.mkdir(parents=True, exist_ok=True)
    console.print("Loading TFX (10 to 30 s) ...")
    with _logs_to(config.paths.log):
        from tfx import v1 as tfx

        from pipelines.pipeline import create_pipeline

        pipeline = create_pipeline(config, BEAM_ARGS, enable_cache)
        progress = ComponentProgress(console, [component.id for component in pipeline.components])
        with progress.watching():
            tfx.orchestration.LocalDagRunner().run(pipeline)


@contextmanager
def _logs_to(path: Path) -> Iterator[None]:
    """Sends everything logged in this process to a file instead of the terminal."""
    loggers = [logging.getLogger(name) for name in ("", "absl", "tensorflow")]
    before = [(logger, logger.handlers[:], logger.level, logger.propagate) for logger in loggers]
    handler = logging.FileHandler(path)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    for logger in loggers:
        logger.handlers[:] = []
        logger.propagate = True
    loggers[0].addHandler(handler)
    loggers[0].setLevel(logging.INFO)
    logging.captureWarnings(True)
    try:
        yield
    finally:
        logging.captureWarnings(False)
        handler.close()
        for logger, handlers, level, propagate in before:
            logger.handlers[:] = handlers
            logger.setLevel(level)
            logger.propagate = propagate
