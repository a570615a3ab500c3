"""Runs the pipeline on this machine: LocalDagRunner, SQLite metadata, Beam's DirectRunner."""

from __future__ import annotations

import logging

from rich.console import Console

from pipelines.config import RunConfig
from pipelines.logs import logs_to
from pipelines.runners.progress import ComponentProgress

BEAM_ARGS = [
    "--runner=DirectRunner",
    "--direct_running_mode=in_memory",
    "--direct_num_workers=1",
    # Without a worker image TFX packs itself for remote workers before every component; this runner has none.
    "--sdk_container_image=unused",
]


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
    with logs_to(config.paths.log):
        from tfx import v1 as tfx

        from pipelines.pipeline import create_pipeline

        pipeline = create_pipeline(config, BEAM_ARGS, enable_cache)
        progress = ComponentProgress(console, [component.id for component in pipeline.components])
        try:
            with progress.watching():
                tfx.orchestration.LocalDagRunner().run(pipeline)
        except Exception:
            logging.exception("The run failed.")
            raise
