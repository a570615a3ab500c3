"""`srp4ctr data users`: what a service sends of each user of a log, as lines of JSON."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import apache_beam as beam

from pipelines.beam import beam_args
from pipelines.commands.as_of_checks import check_seconds, check_time
from pipelines.config import load_run_config
from pipelines.errors import RunError
from pipelines.logs import errors_told_once
from preprocessing.lookup import log_end
from preprocessing.request_lines import RequestLines
from preprocessing.splits import to_iso
from preprocessing.whole_files import whole_file


def write_users(config_path: Path, to: Path, as_of: int | None, span: int | None) -> str:
    """Writes a line of each user to the file `to`, which is replaced where it is there.

    Args:
        config_path: The run's YAML file.
        to: The file.
        as_of: Seconds since 1970, the time of the requests; None is just after the log's last
            event.
        span: The last day to read, for logs with a file a day.

    Returns:
        What was written, in words.

    Raises:
        RunError: the file can't be written, or Beam's workers are elsewhere; `as_of` is no time in
            seconds, or after now, or no user has an event before it.
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
    _check_writable(to)
    moment = log_end(spec) if as_of is None else as_of
    check_time(moment, "the users")
    # Beam would take brackets in the name of the file for a pattern.
    with tempfile.TemporaryDirectory() as folder:
        lines_of_users = Path(folder) / "users.jsonl"
        with errors_told_once(), beam.Pipeline(argv=beam_args(config.beam)) as pipeline:
            lines = pipeline | RequestLines(spec, moment)
            _ = lines | beam.io.WriteToText(
                str(lines_of_users), num_shards=1, shard_name_template=""
            )
        users = _lines_in(lines_of_users)
        if not users:
            raise RunError(
                f"no user of {spec.events.place} has an event before {to_iso(moment)}. Give a "
                "later --as-of."
            )
        with whole_file(to) as part:
            shutil.copyfile(lines_of_users, part)
    return f"{users:,} users as of {to_iso(moment)} are in {to}"


def _check_writable(to: Path) -> None:
    """Tries the file's place, which would be a pity to find out after the log has been read.

    Raises:
        RunError: it can't be written.
    """
    if to.is_dir():
        raise RunError(f"--to: {to} is a folder. Give a file, such as {to / 'users.jsonl'}")
    if to.exists() and not to.is_file():
        raise RunError(f"--to: {to} is no file. Give one, such as {to.with_name('users.jsonl')}")
    try:
        to.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=to.parent):
            pass
    except OSError as error:
        raise RunError(f"--to: {to} can't be written: {error.strerror}") from None


def _lines_in(path: Path) -> int:
    with path.open("rb") as file:
        return sum(1 for _ in file)
