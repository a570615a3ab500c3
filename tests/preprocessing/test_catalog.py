"""Seen items and the catalogue's order, with hand-computed numbers."""

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from preprocessing.catalog import Catalog, merge_seen, seen_items
from preprocessing.entities import EntityTable
from preprocessing.sources.columns import ITEM, TIME, USER
from preprocessing.splits import CutOffs
from tests.preprocessing.test_shard import ITEMS, entity_table
from tests.testing import parse_records, small_spec

CUT = CutOffs(10, 20)
EVENT_ITEM_SPEC = small_spec(
    features={"item": {"brand": {"kind": "categorical", "table": "events"}}}
)


def events(*rows: tuple[str, int, str]) -> pa.Table:
    """Of one user: (item, time, brand)."""
    item, time, brand = zip(*rows, strict=True)
    table = {USER: ["u"] * len(rows), ITEM: item, TIME: time, "text:brand": brand}
    return pa.table({name: pa.array(values) for name, values in table.items()})


ROWS = (
    ("b", 1, "old"),
    ("b", 9, "new"),
    ("b", 10, "later"),
    ("a", 3, "x"),
    ("a", 4, "y"),
    ("c", 5, "z"),
    ("c", 6, ""),
    ("d", 30, ""),
)


def test_counts_and_latest_known_values_stop_at_the_cut_off() -> None:
    seen = seen_items(EVENT_ITEM_SPEC, events(*ROWS), CUT)
    assert seen.column("key").to_pylist() == ["a", "b", "c"]
    assert seen.column("count").to_pylist() == [2, 2, 2]
    assert seen.column("text:brand").to_pylist() == ["y", "new", "z"]


def test_catalogue_is_ordered_by_count_then_id_and_has_all_of_the_item_table() -> None:
    spec = EVENT_ITEM_SPEC.model_copy(update={"item_min_count": 2})
    catalog = Catalog(
        spec, seen_items(spec, events(*ROWS, ("i4", 2, "q")), CUT), entity_table("items", ITEMS)
    )
    assert catalog.ids.to_pylist() == ["a", "b", "c", "i4", "i0", "i1", "i2", "i5", "i9999"]
    assert catalog.counts.tolist() == [2, 2, 2, 1, 0, 0, 0, 0, 0]
    (record,) = parse_records(catalog.records())
    assert record["candidate_item_id"] == catalog.ids.to_pylist()
    assert record["candidate_brand"] == ["y", "new", "z", "q", "", "", "", "", ""]
    assert record["catalog_training_events"] == catalog.counts.tolist()
    assert (
        record["user_id"],
        record["timestamp"],
        record["history_item_id"],
        record["label_buy"],
    ) == (
        [""],
        [0],
        [],
        [],
    )


def test_features_of_the_item_table() -> None:
    spec = small_spec()
    seen = pa.table({"key": ["a"], "time": pa.array([1]), "count": pa.array([7])})
    (record,) = parse_records(Catalog(spec, seen, entity_table("items", ITEMS)).records())
    assert record["candidate_item_id"][:3] == ["a", "i0", "i1"]
    assert record["candidate_tags"][:4] == ["", "", "t0", "t0|t1"]
    assert record["candidate_weight"][:4] == [None, 0.0, 0.25, 0.5]


def test_many_items_fill_several_records() -> None:
    keys = [f"k{n:04}" for n in range(1201)]
    seen = pa.table(
        {"key": keys, "time": pa.array(np.zeros(1201, int)), "count": pa.array(np.ones(1201, int))}
    )
    items = EntityTable.of_spec(small_spec(), "items", None)
    records = parse_records(Catalog(small_spec(), seen, items).records())
    assert [len(record["candidate_item_id"]) for record in records] == [500, 500, 201]
    ids: list[str] = []
    for record in records:
        ids += record["candidate_item_id"]
    assert ids == keys
    assert records[2]["candidate_weight"] == [None] * 201


@given(
    st.lists(
        st.tuples(st.sampled_from("abc"), st.integers(0, 12), st.sampled_from("xyz")), min_size=1
    ),
    st.data(),
)
def test_parts_in_any_order_merge_to_the_whole(
    rows: list[tuple[str, int, str]], data: st.DataObject
) -> None:
    whole = seen_items(EVENT_ITEM_SPEC, events(*rows), CUT)
    shuffled = data.draw(st.permutations(rows))
    middle = data.draw(st.integers(0, len(rows)))
    parts: list[pa.Table] = []
    for part in (shuffled[:middle], shuffled[middle:]):
        if part:
            parts.append(seen_items(EVENT_ITEM_SPEC, events(*part), CUT))
    assert merge_seen(parts).to_pylist() == whole.to_pylist()
