"""Makes events of the lists of earlier behaviours that some logs have, such as MIND.

The first list of a user says what came before the log: its entries become events just before the
row that has it. They are only ever history, never candidates or requests. A user's later lists are
left out, because by then the log has events of its own.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from preprocessing.histories import is_run_start, run_starts
from preprocessing.kinds.kind import MULTIVALENT_SEPARATOR
from preprocessing.sources.columns import EARLIER, ITEM, PLACE, TIME, USER
from preprocessing.spec import DatasetSpec
from preprocessing.tables import encode_strings


def with_earlier(table: pa.Table, spec: DatasetSpec) -> pa.Table:
    """Adds the events of lists to a table of events, and column `place`.

    `place` is 0 for the log's own events, and otherwise the place in the list, from 1.
    """
    if spec.history.earlier is None:
        return table
    events = table.select([name for name in table.column_names if name != EARLIER])
    own = events.append_column(PLACE, pa.array(np.zeros(len(events), np.int64)))
    first = _first_rows(table)
    if not len(first):
        return own
    # A column of lists comes joined by MULTIVALENT_SEPARATOR, one of text with the spec's own.
    text = table.column(EARLIER).take(pa.array(first)).combine_chunks()
    joined = pc.replace_substring(text, spec.history.earlier.separator, MULTIVALENT_SEPARATOR)
    lists = pc.split_pattern(joined, MULTIVALENT_SEPARATOR)
    return pa.concat_tables([own, _as_events(own, first, lists)])


def _as_events(own: pa.Table, first: np.ndarray, lists: pa.ListArray) -> pa.Table:
    """The entries of the lists of some rows, with the columns of the log's own events.

    All of these are absent but user, item and time.
    """
    items = pc.list_flatten(lists)
    is_entry = pc.not_equal(items, "").to_numpy(zero_copy_only=False)
    rows = first[pc.list_parent_indices(lists).to_numpy()][is_entry]
    # The place of an entry is how far it is from the start of its row's run, counted from 1.
    places = np.arange(len(rows)) - run_starts(rows) + 1
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
    """Leaves out the events of lists that are not the first of their user.

    `with_earlier` sees one part of the log at a time; this is for all events of a user.
    """
    if PLACE not in table.column_names:
        return table
    users = encode_strings(table.column(USER))
    times = table.column(TIME).to_numpy()
    places = table.column(PLACE).to_numpy()
    listed = np.flatnonzero(places > 0)
    order = listed[np.lexsort((places[listed], times[listed], users.codes[listed]))]
    # The time of each user's first list.
    firsts = np.full(len(users.values), np.iinfo(np.int64).max)
    np.minimum.at(firsts, users.codes[listed], times[listed])
    # Of two lists at one time, as where a row comes twice, each place is taken once.
    kept = order[is_run_start(users.codes[order], times[order], places[order])]
    kept = kept[times[kept] == firsts[users.codes[kept]]]
    is_kept = places == 0
    is_kept[kept] = True
    return table.filter(pa.array(is_kept))


def _first_rows(table: pa.Table) -> np.ndarray:
    """The first row with a list of each user, by time and then by the list."""
    lists = encode_strings(table.column(EARLIER))
    has_list = pc.not_equal(lists.values, "").to_numpy(zero_copy_only=False)
    rows = np.flatnonzero(has_list[lists.codes])
    users = encode_strings(table.column(USER)).codes[rows]
    times = table.column(TIME).to_numpy()[rows]
    order = np.lexsort((lists.codes[rows], times, users))
    return rows[order[is_run_start(users[order])]]
