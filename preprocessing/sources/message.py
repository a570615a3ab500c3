"""One event from a message, a JSON object with the log's columns, checked and typed as a row of the log is."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pyarrow as pa

from preprocessing.quarantine import RejectedRow
from preprocessing.sources.columns import columns_of
from preprocessing.sources.parse import parse_batch
from preprocessing.sources.raw import RawBatch
from preprocessing.spec import MULTIVALENT_SEPARATOR, DatasetSpec

_WHERE = "(a message)"
_SHOWN_BYTES = 60


def parse_event(spec: DatasetSpec, message: bytes) -> pa.Table | RejectedRow:
    """The event of a message as a table of one row; a column that the message lacks, or null, is absent."""
    try:
        values = json.loads(message, parse_int=str, parse_float=str, parse_constant=str)
    except ValueError as error:  # not JSON, or not UTF-8
        return _rejected("not_json", f"{error}. Received: {message[:_SHOWN_BYTES]!r}")
    if not isinstance(values, dict):
        return _rejected("not_an_object", f"expected a JSON object. Received: {message[:_SHOWN_BYTES]!r}")
    columns = columns_of(spec, "events")
    texts = {column.name: pa.array([_text(values.get(column.source))]) for column in columns}
    raw = RawBatch(texts, dict.fromkeys(texts, ""), np.ones(1, np.int64))
    good, rejected = parse_batch(raw, columns, "events", _WHERE, spec.events.time_format)
    return rejected[0] if rejected else good


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, list):
        return MULTIVALENT_SEPARATOR.join(map(_text, value))
    return value if isinstance(value, str) else json.dumps(value)


def _rejected(reason: str, message: str) -> RejectedRow:
    return RejectedRow("events", _WHERE, 1, reason, message)
