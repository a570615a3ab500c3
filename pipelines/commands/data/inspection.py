"""`srp4ctr data inspect`: a table of a log's columns, and a first config."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pydantic
import yaml
from rich.console import Console
from rich.markup import escape
from rich.table import Table as Grid

from pipelines.commands.data.unread_rows import unread_rows
from pipelines.config import RunConfig
from preprocessing.absent import absent_looking
from preprocessing.config import ConfigError
from preprocessing.errors import DataError
from preprocessing.hints import shortened
from preprocessing.inspection.guess import Roles, guess_roles
from preprocessing.inspection.log import LogProfile, profile_log
from preprocessing.inspection.profile import ColumnProfile
from preprocessing.inspection.starter import showing_notes, starter_comments, starter_config
from preprocessing.odd_ids import id_findings, twin_findings
from preprocessing.sources.raw import separator_hint
from preprocessing.spec_tables import Table
from preprocessing.splits import to_iso
from preprocessing.time_formats import known_time_format

_FORMATS = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".inter": "recbole",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
    ".parquet": "parquet",
    ".avro": "avro",
}
_COMPRESSED = (".gz", ".bz2", ".zst", ".xz")
_SHOWN_CHARACTERS = 24


def inspect_log(
    path: str,
    *,
    format: str | None,
    columns: tuple[str, ...] | None,
    delimiter: str | None,
    rows: int,
    output: Path | None,
    encoding: str | None = None,
    time_format: str | None = None,
) -> None:
    """Prints what a log's columns look like, and writes a first config to `output`.

    Raises:
        ConfigError: a format is unknown, or doesn't go with the other options.
        DataError: the log can't be read, or has no columns that a spec needs.
    """
    console = Console()
    table = _table(
        path,
        format or _format_of(path),
        columns=columns,
        delimiter=delimiter,
        encoding=encoding,
    )
    found = profile_log(table, rows, _checked(time_format))
    unread = unread_rows(found, table)
    if not found.read:
        if unread:
            raise DataError(f"{path}: no row can be read. {' '.join(unread)}")
        raise DataError(f"{path}: the log is empty: it has no rows.")
    if time_format and all(p.time_format != time_format for p in found.columns):
        raise DataError(
            f"{path}: no column's values are written as --timestamp-format says, {time_format!r}."
        )
    roles = guess_roles(found.columns, found.left_out)
    console.print(_grid(path, found, roles))
    facts = [*_facts(found, roles), *unread]
    console.print("\n".join(facts), markup=False, soft_wrap=True)
    if output is not None:
        table = table.at(_lasting(path))
        content = starter_config(_name_of(path), table, roles)
        RunConfig.model_validate(content)  # so that what is written can be read
        header = (
            f"A first config for {path}, guessed from its columns: check it before you trust it."
        )
        lines = [header, *starter_comments(roles)]
        comments = "".join(f"# {line}\n" for line in lines)
        _write(output, comments + yaml.safe_dump(content, sort_keys=False))
        console.print(
            f"Wrote {output}. Next: srp4ctr data validate {output}", soft_wrap=True, markup=False
        )


def _lasting(path: str) -> str:
    """A path that means the same where the config is used in another folder than this one.

    What is below the data directory of configs is named from there on, so that it means the same on
    another machine, too.
    """
    if "://" in path:
        return path
    data_dir = os.path.abspath(RunConfig.model_fields["data_dir"].default)
    if os.path.abspath(path).startswith(data_dir + os.sep):
        return os.path.relpath(path, data_dir)
    return str(Path(path).absolute())


def _write(output: Path, text: str) -> None:
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        raise DataError(f"{output}: can't be written: {error.strerror}.") from error


def _table(
    path: str,
    format: str,
    *,
    columns: tuple[str, ...] | None,
    delimiter: str | None,
    encoding: str | None,
) -> Table:
    content: dict[str, Any] = {"format": format, "path": path}
    # A format may not have an option that isn't given.
    if columns is not None:
        content["columns"] = columns
    if delimiter is not None:
        content["delimiter"] = delimiter
    if encoding is not None:
        content["encoding"] = encoding
    try:
        return Table.model_validate(content)
    except pydantic.ValidationError as error:
        raise ConfigError("; ".join(map(_option_problem, error.errors()))) from None


def _checked(time_format: str | None) -> str:
    try:
        return known_time_format(time_format) if time_format else ""
    except ValueError as error:
        raise ConfigError(f"--timestamp-format {time_format!r}: {error}.") from None


def _option_problem(problem: Mapping[str, Any]) -> str:
    place = "".join(f"--{key} " for key in problem["loc"][:1])
    value = problem["input"]
    shown = ",".join(value) if isinstance(value, tuple) else value
    return f"{place}{shown!r}: {problem['msg']}"


def _format_of(path: str) -> str:
    name = path.lower()
    for suffix in _COMPRESSED:
        name = name.removesuffix(suffix)
    suffix = Path(name).suffix
    if suffix not in _FORMATS:
        raise ConfigError(
            f"{path}: its name doesn't tell its format. "
            f"Give --format: {', '.join(dict.fromkeys(_FORMATS.values()))}."
        )
    return _FORMATS[suffix]


def _name_of(path: str) -> str:
    stem = Path(path).name.split(".")[0].replace("*", "")
    return stem or "log"


def _grid(path: str, found: LogProfile, roles: Roles) -> Grid:
    grid = Grid(title=escape(path))
    for heading in ("column", "type", "distinct", "missing", "values", "looks like"):
        grid.add_column(heading, overflow="fold")  # whole, in several lines where they are long
    for profile in found.columns:
        kind = f"{profile.kind} ({profile.time_format})" if profile.time_format else profile.kind
        grid.add_row(
            escape(profile.name),
            kind,
            f"{profile.distinct:,}",
            f"{profile.missing / found.read:.1%}",
            escape(_values(profile)),
            escape(roles.role_of(profile.name)),
        )
    return grid


def _values(profile: ColumnProfile) -> str:
    if profile.seconds is not None:
        first, last = [to_iso(time)[:19].replace("T", " ") for time in profile.seconds]
        return f"{first} to {last}"
    shown: list[str] = []
    for value, _ in profile.top(3):
        if value:  # or it is the share of rows without one
            shown.append(shortened(value, _SHOWN_CHARACTERS))
    return ", ".join(shown)


def _facts(found: LogProfile, roles: Roles) -> list[str]:
    facts = [f"{found.read:,} rows read, {found.rejected.total():,} can't be read."]
    if found.goes_on:
        facts.append(
            f"The log goes on: only its first {found.read:,} rows were looked at, and counts and "
            f"times are of these. --rows looks at more."
        )
    if roles.page is not None and roles.item is not None:
        shown = len(roles.item.values)
        facts.append(
            f"A row is a page: {shown / found.read:.1f} items are shown on average, each an event."
        )
    if roles.user is not None:
        of_users = np.bincount(roles.user.codes)
        facts.append(
            f"{roles.user.distinct:,} users with {of_users.mean():.1f} events on average (median "
            f"{int(np.median(of_users)):,}), {of_users.max():,} at most."
        )
    if roles.user is not None and roles.item is not None and roles.time is not None:
        keys = np.stack([roles.user.codes, roles.item.codes, roles.time.codes])
        distinct = np.unique(keys, axis=1).shape[1]
        events = keys.shape[1]
        what = "rows" if roles.page is None else "events"
        repeated = events - distinct
        facts.append(f"{repeated:,} {what} repeat a user, item and time ({repeated / events:.1%}).")
    for profile in (roles.user, roles.item, roles.request):
        if profile is not None:
            facts += id_findings(profile.name, absent_looking(profile.values))
            facts += twin_findings(profile.name, profile.values)
    hint = separator_hint(tuple(profile.name for profile in found.columns))
    if hint:
        facts.append(hint.strip())
    facts += [f"{column} is left out: {why}." for column, why in found.left_out.items()]
    facts += [f"No column looks like the {role}." for role in roles.missing]
    doubts = [*roles.time_doubts, *roles.value_doubts, *roles.label_doubts]
    return [*facts, *doubts, *showing_notes(roles)]
