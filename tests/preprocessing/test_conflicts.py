"""Rows of one key that differ are told, and the same one is used in whatever order they come."""

from __future__ import annotations

import itertools
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pytest

from preprocessing.conflicts import Conflicts, conflict_examples, conflict_findings
from preprocessing.counts import nested
from preprocessing.entities import EntityTable
from preprocessing.sources.columns import KEY, TIME, columns_of
from preprocessing.validation import validate
from tests.testing import (
    item_rows,
    small_log,
    small_spec,
    user_rows,
    write_csv,
    write_small_dataset,
)

NAN = float("nan")
ROWS = [("a", "x", 1.0), ("b", "y", 2.0), ("b", "y", NAN), ("b", "w", 3.0), ("c", "", NAN)]


def _table(rows: list[tuple[str, str, float]]) -> EntityTable:
    keys, texts, numbers = zip(*rows, strict=True)
    columns = {KEY: pa.array(keys), "text:t": pa.array(texts), "number:n": pa.array(numbers)}
    return EntityTable.from_table(pa.table(columns))


def test_the_same_row_is_used_and_told_whatever_the_order() -> None:
    for rows in itertools.permutations([*ROWS, ROWS[0], ROWS[-1]], len(ROWS) + 2):
        table = _table(list(rows))
        assert table.duplicates == 4
        assert table.conflicts == Conflicts(1, ("b", "number:n", "2", "3"))
        assert table.columns["text:t"].to_pylist() == [b"x", b"y", b"", b""]


def test_rows_that_are_the_same_are_no_conflict() -> None:
    assert _table([ROWS[0], ROWS[0], ROWS[4], ROWS[4]]).conflicts == Conflicts()
    only_keys = EntityTable.from_table(pa.table({KEY: ["a", "a"]}))
    assert (only_keys.duplicates, only_keys.conflicts) == (1, Conflicts())


@pytest.mark.parametrize(("time", "keys"), [(5, 1), (6, 0)])
def test_a_change_is_no_conflict(time: int, keys: int) -> None:
    rows = {KEY: ["a", "a"], TIME: [5, time], "text:t": ["x", "y"]}
    assert EntityTable.from_table(pa.table(rows)).conflicts.keys == keys


def test_the_example_is_the_first_key_of_all_shards() -> None:
    spec = small_spec()
    column = columns_of(spec, "items")[-1]
    name = column.name
    found = Conflicts(2, ("i7", name, "1", "2")).counts(spec, "items")
    found.update(Conflicts(3, ("i5", name, "3", "4")).counts(spec, "items"))
    report = nested(Counter(found))
    examples = conflict_examples(report["conflict_examples"])
    assert report["conflicting_keys"] == {"items": 5}
    (finding,) = conflict_findings(report["conflicting_keys"], examples)
    assert "table items: 5 of the keys in column item_id" in finding
    assert f"'i5' has '3' and '4' in column {column.source}." in finding


def test_validate_warns_of_users_whose_rows_differ(tmp_path: Path) -> None:
    spec = write_small_dataset(tmp_path, small_log(users=12, events=400))
    rows = user_rows()
    differing = [row | {"age": 99} for row in rows]
    write_csv(tmp_path / "users.csv", [*differing, *rows, *rows])
    found = validate(spec)
    (warning,) = [text for text in found.warnings if text.startswith("table users:")]
    assert "have rows that differ" in warning and "'u1' has '21' and '99' in column age" in warning
    assert found.report["conflicting_keys"]["users"] >= 10
    write_csv(tmp_path / "users.csv", [*rows, *rows])
    assert not any("rows that differ" in text for text in validate(spec).warnings)


def test_validate_warns_of_items_with_several_titles(tmp_path: Path) -> None:
    spec = write_small_dataset(tmp_path, small_log(users=12, events=400))
    renamed = [row | {"name": f"Other {row['item_id']}"} for row in item_rows()]
    write_csv(tmp_path / "items.csv", [*renamed, *item_rows()])
    (warning,) = [text for text in validate(spec).warnings if "rows that differ" in text]
    assert warning.startswith(
        f"titles of table items: {len(renamed)} of the keys in column item_id"
    )
    assert "'i0' has 'Item 0' and 'Other i0' in column name." in warning
    assert "declare the time of each by items.timestamp" in warning
