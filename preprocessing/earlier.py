"""Lists of a user's earlier behaviours, without times, as events of their own.

A user's first row that has a list says what came before the log: its entries become events just
before that row. They are only ever history: no candidates, no requests. Later lists are left out,
because the log has had its own events since.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from preprocessing.histories import is_run_start
from preprocessing.kinds.kind import MULTIVALENT_SEPARATOR
from preprocessing.sources.columns import EARLIER, ITEM, PLACE, TIME, USER
from preprocessing.spec import DatasetSpec
from preprocessing.tables import encode_strings


def with_earlier(table: pa.Table, spec: DatasetSpec) -> pa.Table:
    """Some events with those that their lists hold: `place` is 0 for the log's own, else the place in the list."""
    if spec.history.earlier is None:
        return table
    events = table.select([name for name in table.column_names if name != EARLIER])
    own = events.append_column(PLACE, pa.array(np.zeros(len(events), np.int64)))
    first = _first_rows(table)
    if not len(first):
        return own
    lists = table.column(EARLIER).take(pa.array(first)).combine_chunks()
    joined = pc.replace_substring(lists, spec.history.earlier.separator, MULTIVALENT_SEPARATOR)
    return pa.concat_tables(
        [own, _as_events(own, first, pc.split_pattern(joined, MULTIVALENT_SEPARATOR))]
    )


def _as_events(own: pa.Table, first: np.ndarray, lists: pa.ListArray) -> pa.Table:
    """The entries of rows' lists with the columns of the log's own events, absent but for user, item and time."""
    items = pc.list_flatten(lists)
    is_entry = pc.not_equal(items, "").to_numpy(zero_copy_only=False)
    rows = first[pc.list_parent_indices(lists).to_numpy()][is_entry]
    starts = np.flatnonzero(is_run_start(rows))
    places = np.arange(len(rows)) - np.repeat(starts, np.diff(np.append(starts, len(rows)))) + 1
    columns = {
        USER: own.column(USER).take(pa.array(rows)),
        ITEM: items.filter(pa.array(is_entry)),
        TIME: pa.array(np.maximum(own.column(TIME).to_numpy()[rows] - 1, 0)),
        PLACE: pa.array(places),
    }
    for field in own.schema:
        if field.name not in columns:
            absent = float("nan") if pa.types.is_floating(field.type) else ""
            columns[field.name] = pa.array([absent] * len(rows), field.type)
    return pa.table({name: columns[name] for name in own.column_names}).cast(own.schema)


def first_lists(table: pa.Table) -> pa.Table:
    """Events of several parts without the lists that are not their users' first."""
    if PLACE not in table.column_names:
        return table
    users, times = encode_strings(table.column(USER)), table.column(TIME).to_numpy()
    places = table.column(PLACE).to_numpy()
    listed = np.flatnonzero(places > 0)
    order = listed[np.lexsort((places[listed], times[listed], users.codes[listed]))]
    firsts = np.full(len(users.values), np.iinfo(np.int64).max)
    np.minimum.at(firsts, users.codes[listed], times[listed])
    kept = (
        order[is_run_start(users.codes[order], times[order], places[order])]
        if len(order)
        else order
    )
    kept = kept[times[kept] == firsts[users.codes[kept]]]
    is_kept = places == 0
    is_kept[kept] = True
    return table.filter(pa.array(is_kept))


def _first_rows(table: pa.Table) -> np.ndarray:
    """The first row with a list of each user, by time and then by the list."""
    lists = encode_strings(table.column(EARLIER))
    rows = np.flatnonzero(
        pc.not_equal(lists.values, "").to_numpy(zero_copy_only=False)[lists.codes]
    )
    users, times = (
        encode_strings(table.column(USER)).codes[rows],
        table.column(TIME).to_numpy()[rows],
    )
    order = np.lexsort((lists.codes[rows], times, users))
    return rows[order[is_run_start(users[order])]] if len(order) else order
