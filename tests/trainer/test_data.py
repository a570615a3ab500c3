"""Transformed records as dense batches."""

from __future__ import annotations

import itertools
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from preprocessing.errors import DataError
from preprocessing.features import candidate_inputs, number_name
from tests.testing_trainer import toy_fields
from tests.trainer.conftest import Toy
from trainer.buckets import plan_buckets
from trainer.data import TransformedRecords, densify, with_labels


@pytest.fixture
def records(toy: Toy) -> TransformedRecords:
    return toy.inputs("train", "validation").records()


@pytest.fixture(scope="module")
def in_order(toy: Toy) -> list[tuple[Any, ...]]:
    """The rows of the training files, by batches as they lie."""
    records = toy.inputs("train", "validation").records()
    return _rows(records.batches(toy.files("train"), 5))


def test_densify_pads_with_0_and_gives_multivalent_features_their_own_axis() -> None:
    fields = toy_fields()
    parsed = {
        "history_item_id": tf.ragged.constant([[5, 6], []], dtype=tf.int64),
        "history_tags": tf.ragged.constant([[1, 2, 3, 0], []], dtype=tf.int64),
        "candidate_item_id": tf.ragged.constant([[1], [2, 3, 4]], dtype=tf.int64),
        "label_click": tf.ragged.constant([[1.0], [0.0, 1.0, 1.0]]),
        "user_interests": tf.constant([[1, 2], [3, 0]], tf.int64),
        "user_age": tf.constant([1, 2], tf.int64),
    }
    dense = densify(parsed, fields)
    assert dense["history_item_id"].numpy().tolist() == [[5, 6], [0, 0]]
    assert dense["history_tags"].numpy().tolist() == [[[1, 2], [3, 0]], [[0, 0], [0, 0]]]
    assert dense["candidate_item_id"].numpy().tolist() == [[1, 0, 0], [2, 3, 4]]
    assert dense["label_click"].numpy().tolist() == [[1.0, 0.0, 0.0], [0.0, 1.0, 1.0]]
    assert dense["user_interests"].shape == (2, 2) and dense["user_age"].shape == (2,)


def test_nothing_at_all_is_one_cell_of_padding() -> None:
    empty = tf.ragged.constant([[], []], dtype=tf.int64, ragged_rank=1)
    dense = densify({"history_item_id": empty, "history_tags": empty}, toy_fields())
    assert dense["history_item_id"].numpy().tolist() == [[0], [0]]
    assert dense["history_tags"].numpy().tolist() == [[[0, 0]], [[0, 0]]]


def test_labels_weigh_1_at_real_candidates_and_0_at_padding() -> None:
    batch = {
        "candidate_item_id": tf.constant([[4, 5, 0]], tf.int64),
        "candidate_brand": tf.constant([[0, 1, 0]], tf.int64),
        "label_click": tf.constant([[1.0, 0.0, 0.0]]),
        "label_buy": tf.constant([[0.0, 1.0, 0.0]]),
        "catalog_training_events": tf.constant([[0]], tf.int64),
    }
    features, labels, weights = with_labels(batch, toy_fields())
    assert set(features) == {"candidate_item_id", "candidate_brand"}
    assert {task: x.numpy().tolist() for task, x in labels.items()} == {
        "click": [[1, 0, 0]],
        "buy": [[0, 1, 0]],
    }
    assert {task: x.numpy().tolist() for task, x in weights.items()} == {
        "click": [[1, 1, 0]],
        "buy": [[1, 1, 0]],
    }


def test_batches_keep_every_record_in_order(toy: Toy, records: TransformedRecords) -> None:
    batches = list(records.batches(toy.files("train"), 10))
    assert [batch["user_age"].shape[0] for batch in batches] == [10, 10, 4]
    lengths = [(batch["history_item_id"].numpy() > 0).sum(1) for batch in batches]
    raws = toy.raw["train"]
    assert np.concatenate(lengths).tolist() == [len(raw["history_item_id"]) for raw in raws]
    has_age = np.concatenate([batch["user_age"].numpy() > 0 for batch in batches])
    assert has_age.tolist() == [not np.isnan(raw["user_age"]) for raw in raws]


def test_batches_by_length_pad_less_and_hold_the_same_records(
    toy: Toy, records: TransformedRecords
) -> None:
    def cells(by_length: bool) -> tuple[int, list[tuple[Any, ...]], int]:
        batches = list(records.batches(toy.files("train"), 5, shuffle_seed=3, by_length=by_length))
        return (
            sum(batch["history_item_id"].numpy().size for batch in batches),
            sorted(_rows(batches)),
            len(batches),
        )

    sorted_cells, rows, count = cells(True)
    cells_in_order, expected, expected_count = cells(False)
    real = sum(max(len(raw["history_item_id"]), 1) for raw in toy.raw["train"])
    assert rows == expected and count == expected_count
    assert real <= sorted_cells < cells_in_order


def _rows(batches: Any) -> list[tuple[Any, ...]]:
    """What tells records apart, padding left out."""
    rows = []
    for batch in batches:
        names = ("history_gap", "candidate_item_id", "candidate_tags", "label_buy")
        real = batch["candidate_item_id"].numpy() > 0
        for row in range(len(real)):
            values = [batch[name].numpy()[row] for name in names]
            cut = [values[0][values[0] > 0], *(value[real[row]] for value in values[1:])]
            rows.append(tuple(tuple(np.ravel(value).tolist()) for value in cut))
    return rows


@pytest.mark.parametrize("seed", [None, 1])
@pytest.mark.parametrize("candidates", [1, 7, 1000])
@pytest.mark.parametrize("chunk", [10, 1000])
def test_candidate_batches_lose_nothing_and_have_a_few_shapes(
    toy: Toy,
    records: TransformedRecords,
    in_order: list[tuple[Any, ...]],
    candidates: int,
    seed: int | None,
    chunk: int,
) -> None:
    sizes = records.sizes(toy.files("train"))
    plan = plan_buckets(sizes, candidates, most=3)._replace(chunk=chunk)
    batches = list(records.candidate_batches(toy.files("train"), plan, seed))
    if seed is None:
        assert len(batches) == plan.batches(sizes).sum()
    for batch in batches:
        shape = (*batch["candidate_item_id"].shape, batch["history_item_id"].shape[1])
        assert shape in plan.buckets
        assert batch["label_click"].shape == batch["candidate_item_id"].shape
        assert batch["history_tags"].shape[:2] == batch["history_item_id"].shape
        assert batch["user_age"].shape[0] == batch["candidate_item_id"].shape[0]
    counts = [(batch["candidate_item_id"].numpy() > 0).sum() for batch in batches]
    assert sum(counts) == sum(len(raw["candidate_item_id"]) for raw in toy.raw["train"])
    real = [_rows([batch]) for batch in batches]
    found = Counter(row for row in itertools.chain(*real) if row[1])
    assert found == Counter(in_order)


def test_sizes_are_those_of_the_records(toy: Toy, records: TransformedRecords) -> None:
    sizes = records.sizes(toy.files("train"))
    assert sizes.candidates.tolist() == [len(raw["candidate_item_id"]) for raw in toy.raw["train"]]
    assert sizes.lengths.tolist() == [len(raw["history_item_id"]) for raw in toy.raw["train"]]
    assert 100 < sizes.record_bytes < 10_000


def test_large_records_are_shuffled_and_sorted_fewer_at_once(
    toy: Toy,
    records: TransformedRecords,
    in_order: list[tuple[Any, ...]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What is in memory depends on bytes, whatever a batch is."""
    record = records.sizes(toy.files("train")).record_bytes
    monkeypatch.setattr("trainer.data.CHUNK_BYTES", 10 * record)
    monkeypatch.setattr("trainer.data._SHUFFLE_BYTES", record)
    batches = records.batches(toy.files("train"), 5, by_length=True)
    assert [len(batch["history_item_id"]) for batch in batches] == [5, 5, 5, 5, 4]
    shuffled = _rows(records.batches(toy.files("train"), 5, shuffle_seed=3))
    assert shuffled == in_order  # a buffer of one record


def test_shuffling_is_reproducible_and_new_each_epoch(
    toy: Toy, records: TransformedRecords
) -> None:
    plan = plan_buckets(records.sizes(toy.files("train")), 3, most=3)
    for read, size in ((records.batches, 3), (records.candidate_batches, plan)):
        batches, again = (read(toy.files("train"), size, 5) for _ in range(2))
        epochs = [_rows(batches), _rows(batches)]
        assert epochs == [_rows(again), _rows(again)]
        assert epochs[0] != epochs[1] and Counter(epochs[0]) == Counter(epochs[1])
        assert _rows(read(toy.files("train"), size, 6)) != epochs[0]


def test_shuffled_records_come_from_many_files_at_once(
    toy: Toy, records: TransformedRecords, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a shuffle buffer far smaller than a file, each part of an epoch still has records of
    every file."""
    monkeypatch.setattr("trainer.data._SHUFFLE_RECORDS", 4)
    tf.random.set_seed(None)  # another test's global seed would give other orders
    sources = tf.io.gfile.glob(toy.files("train")[0])
    dataset = tf.data.TFRecordDataset(sources, compression_type="GZIP")
    written = list(dataset.as_numpy_iterator())
    for number in range(4):
        with tf.io.TFRecordWriter(str(tmp_path / f"part-{number}.gz"), "GZIP") as file:
            for _ in range(6):
                file.write(written[number])
    in_order = _rows(records.batches([f"{tmp_path}/*"], 1))
    file_of = {row: place // 6 for place, row in enumerate(in_order)}
    assert len(file_of) == 4
    epochs = [_rows(records.batches([f"{tmp_path}/*"], 8, shuffle_seed=seed)) for seed in (3, 4)]
    for rows in epochs:
        assert Counter(rows) == dict.fromkeys(file_of, 6)
        parts = [{file_of[row] for row in rows[start : start + 8]} for start in (0, 8, 16)]
        assert parts == [{0, 1, 2, 3}] * 3
    assert epochs[0] != epochs[1]


def test_catalogue_has_the_training_events_by_item_index(
    toy: Toy, records: TransformedRecords
) -> None:
    catalog = records.catalog(toy.files("catalog"))
    # Items i0 to i7 in order of their events; then two buckets of unknown items.
    assert catalog.training_events.numpy().tolist() == [0, 21, 18, 15, 12, 9, 6, 3, 0, 0, 0]
    named = [brand != "" for brand in toy.raw["catalog"][0]["candidate_brand"]]
    assert (catalog.tables["brand"].numpy() > 0).tolist() == [False, *named, False, False]


def test_no_matching_file_is_an_error_that_names_the_pattern(records: TransformedRecords) -> None:
    message = "no transformed records match .*nowhere.*Transform/transformed_examples/N"
    with pytest.raises(DataError, match=message):
        records.batches(["/nowhere/*.gz"], 2)


def test_statistics_are_learned_together_as_each_would_be_alone(toy: Toy) -> None:
    statistics = [feature for feature in candidate_inputs(toy.spec) if feature.statistic]
    names = [f.name for f in statistics if f.statistic and f.statistic.count != "rate"]
    rows: list[tuple[float, ...]] = []
    for raw in toy.raw["pretrain"] + toy.raw["train"]:
        rows += zip(*(raw[name] for name in names), strict=True)
    numbers = np.array(rows)
    # A real record has them all, the catalogue's have none.
    known = np.log1p(numbers[~np.isnan(numbers).any(axis=1)])
    records = toy.inputs("train", "validation").records()
    (batch,) = records.batches(toy.files("validation"), batch_size=16)
    for place, name in enumerate(names):
        values = np.concatenate([raw[name] for raw in toy.raw["validation"]])
        scaled = (np.log1p(values) - known[:, place].mean()) / known[:, place].std()
        real = batch["candidate_item_id"].numpy() > 0
        found = np.sort(batch[number_name(name)].numpy()[real])
        np.testing.assert_allclose(found, np.sort(np.where(np.isnan(values), 0, scaled)), atol=1e-5)


def test_a_sample_is_whole_requests_in_order_and_the_same_twice(
    toy: Toy, records: TransformedRecords
) -> None:
    files = toy.files("train")
    everything = next(iter(records.batches(files, batch_size=100)))
    candidates = int((everything["candidate_item_id"] > 0).numpy().sum())
    whole, total = records.sample(files, candidates, seed=1)
    assert total == candidates
    np.testing.assert_array_equal(
        next(iter(whole))["candidate_item_id"], everything["candidate_item_id"]
    )
    half, total = records.sample(files, candidates // 2, seed=1)
    taken = [next(iter(half)) for _ in range(2)]
    again = next(iter(records.sample(files, candidates // 2, seed=1)[0]))
    for batch in (*taken, again):
        np.testing.assert_array_equal(batch["candidate_item_id"], taken[0]["candidate_item_id"])
    rows = [tuple(row[row > 0]) for row in taken[0]["candidate_item_id"].numpy()]
    order = [tuple(row[row > 0]) for row in everything["candidate_item_id"].numpy()]
    assert total == candidates and 2 < len(rows) < len(order)
    remaining = iter(order)
    assert all(row in remaining for row in rows)
