"""Rolling windows: logs with a file (or folder) per day, and the days that a run reads.

A span is a day of UTC, numbered from 1 January 1970 as TFX numbers dates. Paths name it by
`{YYYY}`, `{MM}` and `{DD}`, or by `{SPAN}`, its number.
"""

from __future__ import annotations

import datetime
import re
from typing import Any

from preprocessing.errors import DataError
from preprocessing.sources.columns import JOINED
from preprocessing.sources.files import match_files
from preprocessing.spec import DatasetSpec
from preprocessing.spec_records import SpanSplit
from preprocessing.spec_tables import Events

_EPOCH = datetime.date(1970, 1, 1)
_LAST_SPAN = (datetime.date.max - _EPOCH).days
_DATE = ("{YYYY}", "{MM}", "{DD}")
_EXPRESSIONS = {
    "{YYYY}": "([0-9]{4})",
    "{MM}": "([0-9]{2})",
    "{DD}": "([0-9]{2})",
    "{SPAN}": "([0-9]+)",
    "*": "[^/]*",
    # What a glob takes literally.
    "[*]": r"\*",
    "[?]": r"\?",
    "[[]": r"\[",
}


def path_of_span(pattern: str, span: int) -> str:
    """The pattern's path for one span; the same for all if it names none."""
    day = date_of(span)
    parts = {
        "{YYYY}": f"{day.year:04d}",
        "{MM}": f"{day.month:02d}",
        "{DD}": f"{day.day:02d}",
        "{SPAN}": str(span),
    }
    for part, value in parts.items():
        pattern = pattern.replace(part, value)
    return pattern


def date_of(span: int) -> datetime.date:
    """The day of a span."""
    return _EPOCH + datetime.timedelta(days=span)


def parse_span(text: str) -> int:
    """A span from its number or its date, such as 20781 or 2026-11-24.

    Raises:
        ValueError: it is neither, or there is no such day.
    """
    if not text.isdigit():
        return (datetime.date.fromisoformat(text) - _EPOCH).days
    span = int(text)
    if span > _LAST_SPAN:
        raise ValueError(f"the last span is {_LAST_SPAN}, {datetime.date.max}")
    return span


def newest_span(pattern: str) -> int:
    """The newest span that has a file.

    Raises:
        DataError: there is none, or a file names a day that there isn't.
    """
    glob = pattern
    for part in (*_DATE, "{SPAN}"):
        glob = glob.replace(part, "*")
    placeholders = re.findall(r"\{(?:YYYY|MM|DD|SPAN)\}", pattern)
    pieces = re.split(r"(\{(?:YYYY|MM|DD|SPAN)\}|\[[*?[]\]|\*)", pattern)
    named = "".join(_EXPRESSIONS.get(piece, re.escape(piece)) for piece in pieces)
    # A day may be a folder: then files below it follow.
    expression = re.compile(named.rstrip("/") + "(?:/.*)?")
    spans = []
    for path in match_files((glob,), "events.path"):
        match = expression.fullmatch(path)
        if match:
            spans.append(_span_of(path, dict(zip(placeholders, match.groups(), strict=True))))
    if not spans:
        raise DataError(f"{pattern}: no file has a name of this form, so there is no span to run.")
    return max(spans)


def at_span(spec: DatasetSpec, newest: int | None) -> DatasetSpec:
    """The spec of one run of a rolling window: the files of its days, and its cut-offs as times.

    Args:
        spec: With `split` in spans, and absolute paths.
        newest: The last day that is read; None if the split isn't in spans.

    Returns:
        The spec as it is if its split isn't in spans. Tables other than the events are those of the
        newest day where their paths name a span.

    Raises:
        DataError: a day has no file, other than one that only histories reach back to; or `newest`
            is given and the split isn't in spans.
        ValueError: `newest` is None and the split is in spans.
    """
    if not isinstance(spec.split, SpanSplit):
        if newest is not None:
            raise DataError(
                f"a span is for specs whose split is in spans (split.train: 7, ...). Received: "
                f"{newest}"
            )
        return spec
    if newest is None:
        raise ValueError("a split in spans needs the newest one. Received: newest=None")
    update: dict[str, Any] = {
        "events": spec.events.at(_paths(spec.events, spec.split, newest)),
        "split": spec.split.at(newest),
    }
    for name in JOINED:
        table = getattr(spec, name)
        if table is not None:
            update[name] = table.at(tuple(path_of_span(path, newest) for path in table.paths))
    return spec.model_copy(update=update)


def _paths(events: Events, split: SpanSplit, newest: int) -> tuple[str, ...]:
    """The paths of all the days that are read; a log may begin within the days of history."""
    spans = split.spans(newest)
    present: list[int] = []
    paths: list[str] = []
    for span in spans:
        of_span = [path_of_span(path, span) for path in events.paths]
        if all(_exists(path) for path in of_span):
            present.append(span)
            paths += of_span
    missing = sorted(set(spans[split.history :]) - set(present))
    if missing:
        days = ", ".join(f"{date_of(span)} ({span})" for span in missing)
        raise DataError(
            f"{', '.join(events.paths)}: no file for {days}. A run of span {newest} "
            f"({date_of(newest)}) needs every day of training, validation, test and labels."
        )
    return tuple(paths)


def _exists(path: str) -> bool:
    try:
        return bool(match_files((path,), "events.path"))
    except DataError:
        return False


def _span_of(path: str, found: dict[str, str]) -> int:
    """The span that a path names, by the text that stands for each placeholder."""
    named = found.get("{SPAN}") or "-".join(found[part] for part in _DATE)
    try:
        return parse_span(named)
    except ValueError as error:
        raise DataError(
            f"{path}: its name has the form of a day's file, but there is no day {named} "
            f"({error}). Rename it, or move it elsewhere."
        ) from None
