"""`srp4ctr data users`: what a service sends of each user of a log, as lines of JSON."""

from __future__ import annotations

import tempfile
from pathlib import Path

import apache_beam as beam

from pipelines.beam import beam_args
from pipelines.commands.statistics.refresh import check_seconds
from pipelines.config import load_run_config
from pipelines.errors import RunError
from pipelines.logs import errors_told_once
from preprocessing.lookup import log_end
from preprocessing.paths import is_local
from preprocessing.request_lines import RequestLines
from preprocessing.splits import to_iso
from preprocessing.whole_files import whole_file


def write_users(config_path: Path, to: str, as_of: int | None, span: int | None) -> str:
    """Writes a line of each user to the file `to`, which is replaced where it is there.

    Args:
        config_path: The run's YAML file.
        to: A file on this machine.
        as_of: Seconds since 1970, the time of the requests; None is just after the log's last
            event.
        span: The last day to read, for logs with a file a day.

    Returns:
        What was written, in words.

    Raises:
        RunError: the file can't be written, or Beam's workers are elsewhere; `as_of` is no time in
            seconds, or no user has an event before it.
        DataError: the log can't be read, or too many of its rows can't be used.
    """
    config = load_run_config(config_path)
    if as_of is not None:
        check_seconds(as_of)
    if config.beam.is_remote:
        raise RunError(
            f"users are written on this machine. Received: beam.runner={config.beam.runner}"
        )
    spec = config.at_span(span).spec
    path = _writable(to)
    moment = log_end(spec) if as_of is None else as_of
    with whole_file(path) as part:
        with errors_told_once(), beam.Pipeline(argv=beam_args(config.beam)) as pipeline:
            lines = pipeline | RequestLines(spec, moment)
            _ = lines | beam.io.WriteToText(str(part), num_shards=1, shard_name_template="")
        users = _lines_in(part)
        if not users:
            raise RunError(
                f"no user of {spec.events.place} has an event before {to_iso(moment)}. Give a "
                "later --as-of."
            )
    return f"{users:,} users as of {to_iso(moment)} are in {to}"


def _writable(to: str) -> Path:
    """The file's whole path.

    Raises:
        RunError: it can't be written, or isn't on this machine.
    """
    if not is_local(to):
        raise RunError(f"--to: users are written to a file on this machine. Received: {to}")
    path = Path(to).absolute()
    if path.is_dir():
        raise RunError(f"--to: {to} is a folder. Give a file, such as {to.rstrip('/')}/users.jsonl")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Now, not after the log has been read.
        with tempfile.TemporaryFile(dir=path.parent):
            pass
    except OSError as error:
        raise RunError(f"--to: {to} can't be written: {error.strerror}") from None
    return path


def _lines_in(path: Path) -> int:
    with path.open("rb") as file:
        return sum(1 for _ in file)
