"""How many rows of a file a batch of events comes from, where lists are taken apart."""

from __future__ import annotations

import pyarrow as pa

_ROWS = b"rows"


def with_rows(events: pa.Table, rows: int) -> pa.Table:
    """The events, with how many rows they and those that were rejected among them come from."""
    told = dict(events.schema.metadata or {})
    return events.replace_schema_metadata(told | {_ROWS: str(rows).encode()})


def rows_of(events: pa.Table) -> int:
    """How many rows events come from; where no lists are taken apart, each is a row."""
    return int((events.schema.metadata or {}).get(_ROWS, events.num_rows))
