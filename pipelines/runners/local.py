"""Runs the pipeline on this machine, by LocalDagRunner with metadata in SQLite.

Beam jobs run where the configuration says.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

from rich.console import Console

from pipelines.beam import beam_args, check_server
from pipelines.config import RunConfig
from pipelines.garbage import look_for_garbage_less_often
from pipelines.logs import logs_to
from pipelines.runners.progress import ComponentProgress
from pipelines.runners.staging import stage_package

if TYPE_CHECKING:
    from tfx.orchestration.pipeline import Pipeline


def run_locally(
    config: RunConfig,
    console: Console,
    enable_cache: bool = True,
    create: Callable[[RunConfig, list[str], bool], Pipeline] | None = None,
) -> None:
    """Runs all components in this process.

    Those whose inputs have not changed are taken from the cache. A run that was killed goes on
    after its last finished component when it is run again.

    Args:
        config: The run's configuration.
        console: Where progress goes; everything else goes to the run's log file.
        enable_cache: Whether finished components are reused.
        create: Builds the pipeline; pipelines.pipeline.create_pipeline by default.

    Raises:
        ConfigError, EndpointError: Beam's options are wrong, or its job server can't be reached.
    """
    config.paths.root.mkdir(parents=True, exist_ok=True)
    check_server(config.beam)
    package = stage_package(config.paths.root / "package") if config.beam.needs_package else ()
    beam = beam_args(config.beam, package)
    console.print("Loading TFX (10 to 30 s) ...")
    with logs_to(config.paths.log):
        # TFX logs while it is imported, too.
        from tfx.orchestration.local.local_dag_runner import LocalDagRunner

        from pipelines.pipeline import create_pipeline

        pipeline = (create or create_pipeline)(config, beam, enable_cache)
        look_for_garbage_less_often()
        progress = ComponentProgress(console, [component.id for component in pipeline.components])
        try:
            with progress.watching():
                LocalDagRunner().run(pipeline)
        except Exception:
            logging.exception("The run failed.")
            raise
