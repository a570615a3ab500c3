"""An experiment's records: made once by the run's own data preparation, and found again."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
from pathlib import Path
from typing import Any

from rich.console import Console

from pipelines.config import RunConfig
from pipelines.errors import RunError
from pipelines.node_ids import EXAMPLE_GEN, TRANSFORM
from preprocessing.config import ConfigError
from preprocessing.paths import is_local
from preprocessing.quarantine import REPORT_FILE
from preprocessing.sources.check import check_sources
from preprocessing.spec import DatasetSpec


@dataclasses.dataclass(frozen=True)
class Records:
    """Directories of a run's artifacts, with a folder for each split.

    Attributes:
        spec: What they are made of.
        raw: Records as ExampleGen writes them.
        transformed: The same, transformed.
        graph: The transform graph.
    """

    spec: DatasetSpec
    raw: str
    transformed: str
    graph: str

    @functools.cached_property
    def fingerprint(self) -> str:
        """A hash of all records and of the vocabularies.

        Raises:
            RunError: there are none.
        """
        digest = hashlib.sha256()
        vocabularies = Path(self.graph) / "transform_fn" / "assets"
        for folder in (Path(self.raw), Path(self.transformed), vocabularies):
            found = [path for path in folder.rglob("*") if path.is_file()]
            # The report on the data is no part of it.
            files = [path for path in found if path.name != REPORT_FILE]
            if not files:
                raise RunError(f"{folder}: no files are here to make a fingerprint of.")
            for path in sorted(files):
                digest.update(path.relative_to(folder).as_posix().encode())
                with path.open("rb") as stream:
                    digest.update(hashlib.sha256(stream.read()).digest())
        return digest.hexdigest()[:16]


def check_records_are_here(run: RunConfig) -> None:
    """Checks, before the records are made, that they will be on this machine.

    Raises:
        ConfigError: they go elsewhere, where trainings neither read them nor tell them apart.
    """
    if run.artifacts_dir is not None and not is_local(run.artifacts_dir):
        raise ConfigError(
            "`srp4ctr experiment` and `srp4ctr tune` train on records of this machine: leave "
            "artifacts_dir out, or name a folder here. "
            f"Received: artifacts_dir={run.artifacts_dir}"
        )


def prepare_records(config: RunConfig, console: Console) -> Records:
    """Runs the pipeline's data preparation, from its cache where nothing has changed.

    Raises:
        DataError: the log or a table can't be used.
    """
    from pipelines.metadata import RunMetadata
    from pipelines.pipeline import create_data_pipeline
    from pipelines.runners.local import run_locally

    check_sources(config.spec)
    run_locally(config, console, create=create_data_pipeline)
    run = RunMetadata(config.paths.metadata, config.dataset.name, of_data=True)
    return Records(
        spec=config.spec,
        raw=run.output(EXAMPLE_GEN, "examples"),
        transformed=run.output(TRANSFORM, "transformed_examples"),
        graph=run.output(TRANSFORM, "transform_graph"),
    )


def with_history_length(run: RunConfig, length: int | None) -> RunConfig:
    """The run with histories of another length.

    It has a name of its own, so that its artifacts stay apart.

    Args:
        run: The run.
        length: Behaviours of a history at most; None for as many as the run has.
    """
    dataset = run.dataset
    if length in (None, dataset.history.length):
        return run
    history = dataset.history.model_copy(update={"length": length})
    return _renamed(run, f"history_{length}", history=history)


def without_counts(run: RunConfig) -> RunConfig:
    """The run without match features and statistics, with a name and artifacts of its own."""
    features = run.dataset.features.model_copy(update={"match": {}, "statistics": {}})
    return _renamed(run, "without_counts", features=features)


def _renamed(run: RunConfig, ending: str, **changes: Any) -> RunConfig:
    """The run with another data set, whose name says so."""
    name = f"{run.dataset.name}_{ending}"
    dataset = run.dataset.model_copy(update={"name": name} | changes)
    return run.model_copy(update={"dataset": dataset})
