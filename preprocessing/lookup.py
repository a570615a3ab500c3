"""One user's record as of now, read from the log without Beam: what a scoring request needs."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from preprocessing.counting.rows import overall
from preprocessing.earlier import with_earlier
from preprocessing.entities import EntityTable
from preprocessing.errors import DataError
from preprocessing.event_features import Tables
from preprocessing.events import SortedEvents
from preprocessing.known_values import changes, event_columns, known_table
from preprocessing.latest import user_records
from preprocessing.sources.columns import ITEM, JOINED, KEY, TIME, USER, TableName
from preprocessing.sources.files import files_of
from preprocessing.sources.read import read_table
from preprocessing.spec import DatasetSpec
from preprocessing.splits import TimeProfile
from preprocessing.statistics.log_totals import decode_totals


def user_record(spec: DatasetSpec, user_id: str, as_of: int | None = None) -> bytes | None:
    """A serialised tf.Example of the user, with no candidates.

    Reads the whole log: for a look at single users, not for serving.

    Args:
        spec: The dataset spec.
        user_id: The user.
        as_of: The time of the request, seconds since 1970; later events are left out. None is the
            second after the user's last event.

    Returns:
        None if the log has no event of the user before then.
    """
    table = _rows(spec, "events", USER, user_id)
    if table is not None and as_of is not None:
        table = table.filter(pc.less(table.column(TIME), as_of))
    if table is None or not table.num_rows:
        return None
    events = SortedEvents.from_table(with_earlier(table, spec))
    tables = {name: EntityTable.of_spec(spec, name, _rows(spec, name)) for name in JOINED}
    known = _known(spec, events.strings[ITEM].values)
    joined = Tables(tables["items"], tables["users"], tables["context"], known=known)
    ((_, record),) = user_records(
        spec, events, joined, as_of, totals=decode_totals(spec, _overall(spec))
    )
    return record


def _overall(spec: DatasetSpec) -> dict[str, bytes]:
    """What happened to all users together, which only rates of users need."""
    if not spec.rates_of_users:
        return {}
    table = pa.concat_tables(with_earlier(part, spec) for part in _batches(spec, "events"))
    return dict(overall(spec, SortedEvents.from_table(table)))


def met_items(spec: DatasetSpec, user_id: str) -> set[str]:
    """All items of events that may enter a user's history, however long ago they were."""
    table = _rows(spec, "events", USER, user_id)
    if table is None or not table.num_rows:
        return set()
    events = SortedEvents.from_table(with_earlier(table, spec))
    is_met = events.enter_history(spec.history)
    return set(events.strings[ITEM].take(np.flatnonzero(is_met)).strings().to_pylist())


def log_end(spec: DatasetSpec) -> int:
    """The first second after the log's events, which is read whole; see `TimeProfile.end`.

    Raises:
        DataError: there is no usable event, or the log is in BigQuery.
    """
    parts = []
    for batch in _batches(spec, "events"):
        parts.append(TimeProfile.of(batch.column(TIME).to_numpy()))
    profile = TimeProfile.merge(parts)
    if profile.last is None:
        raise DataError(f"{spec.events.place}: the log has no usable event.")
    return profile.end()


def _known(spec: DatasetSpec, items: pa.Array) -> dict[str, EntityTable]:
    """What the log knows of some items whose features are read from the events."""
    columns = event_columns(spec)
    if not columns:
        return {}
    parts = []
    for part in _batches(spec, "events"):
        parts.append(part.filter(pc.is_in(part.column(ITEM), value_set=items)))
    whole = pa.concat_tables(parts)
    renamed = whole.select([ITEM, TIME, *columns]).rename_columns([KEY, TIME, *columns])
    return {column: known_table(changes(renamed, column), column) for column in columns}


def _rows(
    spec: DatasetSpec, table: TableName, column: str | None = None, value: str = ""
) -> pa.Table | None:
    """A table's good rows, only those with `value` in `column` if one is given; None if none."""
    batches = list(_batches(spec, table, column, value))
    return pa.concat_tables(batches) if batches else None


def _batches(
    spec: DatasetSpec, table: TableName, column: str | None = None, value: str = ""
) -> Iterator[pa.Table]:
    declared = getattr(spec, table)
    if declared is None:
        return
    for path in files_of(declared, table):
        for part in read_table(spec, table, path):
            if isinstance(part, pa.Table):
                yield part.filter(pc.equal(part.column(column), value)) if column else part
