"""Reads events of messages: JSON objects with the log's columns, checked as rows of a log are."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from preprocessing.quarantine import RejectedRow
from preprocessing.sources.columns import columns_of
from preprocessing.sources.json_values import parse_json, problem_of
from preprocessing.sources.nested import batch_of
from preprocessing.sources.parse import parse_batch
from preprocessing.sources.repeated_keys import RepeatedKeys
from preprocessing.spec import DatasetSpec

_WHERE = "(a message)"
_SHOWN_BYTES = 60


def parse_event(spec: DatasetSpec, message: bytes) -> tuple[pa.Table | None, list[RejectedRow]]:
    """The event of a message as a table of one row; a column that it lacks, or null, is absent.

    Returns:
        The good events, of which there may be none, or several where the spec takes lists apart;
        and those that are rejected.
    """
    value = parse_json(message)
    if not isinstance(value, dict):
        reason, what = problem_of(message, value)
        return None, [_rejected(reason, f"{what}. Received: {message[:_SHOWN_BYTES]!r}")]
    columns = columns_of(spec, "events")
    problems = RepeatedKeys(columns, spec.events.explode).problems(message, [message], [value])
    if problems:
        return None, [_rejected(*problems[0])]
    raw, unfit = batch_of([value], np.ones(1, np.int64), columns, spec.events.explode, _WHERE)
    good, rejected = parse_batch(
        raw,
        columns,
        "events",
        _WHERE,
        time_format=spec.events.time_format,
        absent=spec.events.absent,
    )
    return good, unfit + rejected


def _rejected(reason: str, message: str) -> RejectedRow:
    return RejectedRow("events", _WHERE, 1, reason, message)
