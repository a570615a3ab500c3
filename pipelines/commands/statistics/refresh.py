"""`srp4ctr statistics`: counts a log's statistics as they are now, for the model that is served."""

from __future__ import annotations

import logging
import os
import tempfile
from functools import partial
from pathlib import Path

import apache_beam as beam

from pipelines.beam import beam_args
from pipelines.commands.as_of_checks import check_time
from pipelines.config import load_run_config
from pipelines.errors import RunError
from pipelines.logs import errors_told_once
from preprocessing.config import SAVED
from preprocessing.counting.refresh import BuildStatistics
from preprocessing.quarantine import check_quarantine, read_report
from preprocessing.spec import DatasetSpec
from preprocessing.splits import to_iso
from preprocessing.statistics.as_of import AsOf
from serving.refresh import as_of_at, refresh, spec_of

# What of a spec decides what a statistic counts, and what a model takes its numbers for.
_SAME = ("features", "candidates", "tasks")
_TABLE = "the table"


def refresh_statistics(
    config_path: Path, target: str, as_of: int | None, span: int | None, keep: int
) -> str:
    """Makes the next version at `target`; see `serving.refresh`.

    Args:
        config_path: The YAML file of the model's runs.
        target: The model's base path on the server.
        as_of: Seconds since 1970, the table's time; None is just after the log's last event.
        span: The last day to read, for logs with a file a day.
        keep: Versions that stay at `target`.

    Returns:
        The version's directory.

    Raises:
        RunError: the model counts other things than the configuration does, or another data set,
            or has newer statistics; `as_of` is no time in seconds, or after now, as the log's end
            may be; or Beam's workers are elsewhere.
        ServingError: there is no version with statistics at `target`.
        DataError: the log can't be read, too many of its rows can't be used, or it ended long
            before `as_of`.
        StorageError: a store can't be read or written, or its package is missing.
    """
    config = load_run_config(config_path)
    if as_of is not None:
        check_time(as_of, _TABLE)
    _check_served(config.dataset, as_of, target)
    if config.beam.is_remote:
        raise RunError(
            "the statistics table is made on this machine. "
            f"Received: beam.runner={config.beam.runner}"
        )
    spec = config.at_span(span).spec
    with tempfile.TemporaryDirectory() as folder:
        lines = os.path.join(folder, "statistics.txt")
        with errors_told_once(), beam.Pipeline(argv=beam_args(config.beam)) as pipeline:
            made = pipeline | BuildStatistics(spec, folder, as_of)
            _ = made | beam.io.WriteToText(lines, num_shards=1, shard_name_template="")
        check_quarantine(spec, folder)
        for warning in read_report(folder)["warnings"]:
            logging.warning(warning)
        with open(lines, "rb") as table:
            made_as_of = AsOf.of_lines(table)
        assert made_as_of is not None
        check_time(made_as_of.time, _TABLE)
        check = partial(_check_served, config.dataset, made_as_of.time, target)
        return refresh(target, Path(lines), keep, check)


def _check_served(spec: DatasetSpec, as_of: int | None, target: str) -> None:
    """The newest model there must count the same, and have no newer statistics."""
    _check_same(spec, DatasetSpec.model_validate(spec_of(target), context=SAVED), target)
    if as_of is not None:
        _check_newer(as_of, as_of_at(target), target)


def _check_newer(as_of: int, served: AsOf | None, target: str) -> None:
    if served is not None and as_of < served.time:
        raise RunError(
            f"{target}: the newest version's statistics are as of {served}; these would be older, "
            f"as of {to_iso(as_of)}. Give a later --as-of, or a log that goes on to then. To go "
            f"back, remove the newest version's directory."
        )


def _check_same(spec: DatasetSpec, of_model: DatasetSpec, target: str) -> None:
    if spec.name != of_model.name:
        raise RunError(
            f"{target}: the newest model there is of the data set {of_model.name} (dataset.name), "
            f"and this configuration is of {spec.name}, whose items and words mean other things. "
            "Give the configuration that it was made with."
        )
    for name in _SAME:
        if getattr(spec, name) != getattr(of_model, name):
            raise RunError(
                f"{target}: the newest model there was made with another dataset.{name} than this "
                "configuration has, so it would take the numbers for what they aren't. Give the "
                "configuration that it was made with, or roll out a model of this one first."
            )
