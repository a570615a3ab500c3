"""The item catalogue: what it fills, and popularity by hand."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from preprocessing.features import TRAINING_EVENTS
from tests.testing_trainer import toy_fields
from trainer.catalog import ItemCatalog

BRAND = np.array([0, 3, 4, 0])
TAGS = np.array([[0, 0], [1, 2], [3, 0], [0, 0]])


@pytest.fixture(scope="module")
def catalog() -> ItemCatalog:
    return ItemCatalog({"brand": BRAND, "tags": TAGS}, np.array([0, 5, 1, 0]))


@pytest.mark.parametrize("side", ["history", "candidate"])
def test_absent_values_are_looked_up_and_values_sent_win(catalog: ItemCatalog, side: str) -> None:
    features = {
        f"{side}_item_id": tf.constant([[1, 1, 2, 3, 0]], tf.int64),
        f"{side}_brand": tf.constant([[0, 6, 0, 0, 0]], tf.int64),
        f"{side}_tags": tf.constant([[[0, 0], [0, 5], [0, 0], [0, 0], [0, 0]]], tf.int64),
        "history_action": tf.constant([[0]], tf.int64),
    }
    filled = catalog.fill(features)
    assert filled[f"{side}_brand"].numpy().tolist() == [[3, 6, 4, 0, 0]]
    assert filled[f"{side}_tags"].numpy().tolist() == [[[1, 2], [0, 5], [3, 0], [0, 0], [0, 0]]]
    assert set(filled) == set(features)
    assert all(filled[name] is features[name] for name in (f"{side}_item_id", "history_action"))


@pytest.mark.parametrize("side", ["history", "candidate"])
def test_numbers_come_from_where_their_indices_do(side: str) -> None:
    catalog = ItemCatalog(
        {"price": np.array([0, 3, 4])}, np.zeros(3, int), {"price": np.array([0, 0.5, -0.75])}
    )
    items = {f"{side}_item_id": tf.constant([[1, 1, 2, 0]], tf.int64)}
    sent = {
        f"{side}_price": tf.constant([[2, 0, 5, 0]], tf.int64),
        f"{side}_price_NUMBER": tf.constant([[0.0, 0.0, 2.0, 0.0]]),
    }
    filled = catalog.fill(items | sent)
    assert filled[f"{side}_price"].numpy().tolist() == [[2, 3, 5, 0]]
    assert filled[f"{side}_price_NUMBER"].numpy().tolist() == [[0.0, 0.5, 2.0, 0.0]]
    assert catalog.fill(items)[f"{side}_price_NUMBER"].numpy().tolist() == [[0.5, 0.5, -0.75, 0.0]]


def test_popularity_cuts_the_items_with_events_at_20_and_50_percent() -> None:
    events = np.array([0, 90, 80, 70, 60, 50, 40, 30, 20, 10, 5, 0, 0])
    named = ItemCatalog({}, events).popularity(tf.constant([np.arange(13)])).numpy()[0].tolist()
    assert named == [b"unseen"] + [b"head"] * 2 + [b"middle"] * 3 + [b"tail"] * 5 + [b"unseen"] * 2


def test_popularity_without_any_event_is_unseen() -> None:
    named = ItemCatalog({}, np.zeros(3, int)).popularity(tf.constant([[0, 1, 2]], tf.int64))
    assert set(named.numpy()[0]) == {b"unseen"}


def test_tables_are_built_by_item_index_from_batches() -> None:
    fields = toy_fields(items=7)
    first = {
        "candidate_item_id": tf.constant([[5, 1], [3, 0]], tf.int64),
        TRAINING_EVENTS: tf.constant([[7, 9], [0, 0]], tf.int64),
        "candidate_brand": tf.constant([[2, 3], [4, 0]], tf.int64),
        "candidate_price": tf.constant([[1, 1], [2, 0]], tf.int64),
        "candidate_price_NUMBER": tf.constant([[-0.5, -1.0], [0.0, 0.0]]),
        "candidate_tags": tf.constant([[[1, 2], [3, 0]], [[4, 0], [0, 0]]], tf.int64),
    }
    second = {name: tf.where(x > 0, x + 1, x)[1:, :1] for name, x in first.items()}
    catalog = ItemCatalog.from_batches(fields, [first, second])
    assert catalog.training_events.numpy().tolist() == [0, 9, 0, 0, 0, 7, 0]
    assert catalog.tables["brand"].numpy().tolist() == [0, 3, 0, 4, 5, 2, 0]
    assert catalog.tables["tags"].numpy().tolist() == [
        [0, 0],
        [3, 0],
        [0, 0],
        [4, 0],
        [5, 0],
        [1, 2],
        [0, 0],
    ]
    assert set(catalog.tables) == {"brand", "tags", "price"}
    assert catalog.numbers["price"].numpy().tolist() == [0, -1, 0, 0, 0, -0.5, 0]
    assert not catalog.trainable_variables
