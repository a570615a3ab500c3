"""`srp4ctr run`: checks what can be checked at once, runs the pipeline, writes the report."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from pipelines.beam import BeamConfig
from pipelines.config import RunConfig, load_run_config
from pipelines.errors import RunError
from pipelines.places import check_places
from pipelines.report.results import RunMetrics
from preprocessing.config import ConfigError
from preprocessing.paths import is_local

if TYPE_CHECKING:
    from tfx.orchestration.pipeline import Pipeline


def run_pipeline(
    config_path: Path,
    seed: int | None = None,
    enable_cache: bool = True,
    beam: BeamConfig | None = None,
    span: int | None = None,
) -> None:
    """Runs the pipeline of a config file on this machine and writes its report.

    Args:
        config_path: The run's YAML file.
        seed: Replaces `trainer.seed`.
        enable_cache: Whether finished components whose inputs have not changed are reused.
        beam: Replaces `beam`.
        span: Replaces `span`.

    Raises:
        ConfigError: the file is wrong.
        DataError: the log or a table can't be used.
        RunError: a component failed, and the message names the log file; or a rival that must be
            beaten can't be trained here.
        KeyboardInterrupt: the user stopped it; what is kept has been said.
    """
    console = Console(soft_wrap=True)
    config = load_run_config(config_path)
    if seed is not None:
        trainer = config.trainer.model_copy(update={"seed": seed})
        config = config.model_copy(update={"trainer": trainer})
    if beam is not None:
        config = config.model_copy(update={"beam": beam})
    config = config.at_span(span)
    _check(config)
    where = (
        f"Running {config.dataset.name} in {config.paths.root}; the full log is {config.paths.log}."
    )
    console.print(where, markup=False)
    try:
        _run(config, console, enable_cache)
    except KeyboardInterrupt:
        console.print(_interrupted(config, enable_cache), markup=False)
        raise
    console.print("Writing the report ...")
    # These import matplotlib, which runs that fail early don't need.
    from pipelines.report.encoder import encoder_lines
    from pipelines.report.rivals import rival_lines
    from pipelines.report.write import METRICS, write_report

    page = write_report(config.paths.root)
    metrics = RunMetrics.model_validate_json((page.parent / METRICS).read_text())
    for line in [*rival_lines(metrics), *encoder_lines(metrics)]:
        console.print(line, markup=False)
    console.print(_outcome(metrics, config.paths.pushed), markup=False)
    console.print(f"Report: {page}", markup=False)


def _interrupted(config: RunConfig, enable_cache: bool) -> str:
    """What is kept of a run that the user stops, and how to go on."""
    same = "the same command" if enable_cache else "the same command without --no-cache"
    return (
        f"Stopped. Finished components are kept in {config.paths.storage}: {same} goes on after "
        "them, and within a training from its last backup (every "
        f"{config.trainer.backup_steps:,} steps, trainer.backup_steps)."
    )


def _outcome(metrics: RunMetrics, pushed: str) -> str:
    """What became of the model."""
    if not metrics.verdict.blessed:
        return f"The model was not pushed. {' '.join(metrics.verdict.reasons)}"
    which = (
        " (the base ranker without the encoder, as evaluation.push: cheaper asks for)"
        if metrics.pushed_baseline
        else ""
    )
    return f"Model: {pushed}/{metrics.pushed_version}{which}"


def _check(config: RunConfig) -> None:
    from preprocessing.sources.check import check_sources

    if config.beam.runner == "dataflow" and (config.paths.is_local or is_local(config.data_dir)):
        raise ConfigError(
            "Dataflow's workers reach neither this machine's files nor its folders: put the data "
            f"and the artifacts on gs://. Received: data_dir {config.data_dir}, artifacts in "
            f"{config.paths.storage} (artifacts_dir)"
        )
    check_places(config)
    _check_rivals(config)
    check_sources(config.spec)


def _check_rivals(config: RunConfig) -> None:
    """Refuses a run whose model could not be pushed whatever it is, before it has trained one."""
    if not config.evaluation.must_beat:
        return
    from pipelines.counts.trees import missing

    why = missing()
    if why is not None:
        raise RunError(
            f"evaluation.must_beat: [counts] pushes no model without trees to compare with. {why}"
        )


def _run(config: RunConfig, console: Console, enable_cache: bool) -> None:
    from pipelines.errors import explain
    from pipelines.runners.local import run_locally

    written = _write_config(config)

    def create(*arguments: Any) -> Pipeline:
        """Builds the pipeline, which is run at once: the configuration is that run's from now."""
        from pipelines.pipeline import create_pipeline

        pipeline = create_pipeline(*arguments)
        written.replace(config.paths.root / "config.json")
        return pipeline

    try:
        run_locally(config, console, enable_cache, create)
    except Exception as error:
        message, _ = explain(error)
        if message is not None:  # the user can mend it as it is
            raise
        message = (
            f"the run failed: {type(error).__name__}: {error}. The full log: {config.paths.log}."
        )
        # Beam passes errors of its workers on as text.
        if os.strerror(errno.ENOSPC) in str(error):
            message += (
                f" Make room on the disk of {config.paths.root}, or set runs_dir to another, and "
                "run it again."
            )
        raise RunError(message) from error


def _write_config(config: RunConfig) -> Path:
    """Makes the run's folder and leaves the configuration in it, under another name.

    An earlier run's keeps its own until this one begins: what reads runs takes both together.
    """
    path = config.paths.root / "config.json.next"
    try:
        config.paths.root.mkdir(parents=True, exist_ok=True)
        path.write_text(config.model_dump_json(indent=1))
    except OSError as error:
        raise RunError(
            f"{config.paths.root}: can't be written: {error.strerror}. Set runs_dir in the config "
            "to a folder that can."
        ) from error
    return path
