"""Sequences whose next item and attributes are functions of the item, for the tests of pre-training
objectives."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from tests.testing_trainer import toy_fields, toy_spec
from trainer.catalog import ItemCatalog
from trainer.fields import Fields
from trainer.pretraining.cloze_config import MaskingConfig
from trainer.pretraining.masking import mask_history

FEATURES: dict[str, Any] = {
    "item": {"brand": {"kind": "categorical"}, "tags": {"kind": "multivalent", "max_values": 2}},
    "behavior": {"action": {"kind": "categorical"}},
}
ITEMS = 8
LENGTH = 6


def planted_fields() -> Fields:
    """Item ids, brand, tags and action."""
    return toy_fields(
        toy_spec(features=FEATURES, history={"length": LENGTH}), items=ITEMS + 1, size=5
    )


def planted_catalog() -> ItemCatalog:
    """The brand and tags of every item; row 0 is no item."""
    known = _attributes(np.arange(ITEMS))
    tables: dict[str, np.ndarray] = {}
    for name in ("brand", "tags"):
        tables[name] = np.concatenate([np.zeros_like(known[name][:1]), known[name]])
    return ItemCatalog(tables, np.ones(ITEMS + 1, np.int64))


def planted(seed: int, rows: int = 64) -> dict[str, tf.Tensor]:
    """Histories [rows, LENGTH] of items that follow one another."""
    item = (np.random.default_rng(seed).integers(0, ITEMS, (rows, 1)) + np.arange(LENGTH)) % ITEMS
    values = {"item_id": item + 1, "action": item % 3 + 1, **_attributes(item)}
    return {f"history_{name}": tf.constant(value, tf.int64) for name, value in values.items()}


def planted_batches(fields: Fields, first: int, count: int, **rates: float) -> tf.data.Dataset:
    """Masked batches of `planted`, each with a seed of its own."""
    config = MaskingConfig(**({"item_rate": 0.2, "behavior_rate": 0.2} | rates))
    batches = []
    for n in range(first, first + count):
        batches.append(mask_history(planted(n), fields, config, tf.constant([n, n])))
    stacked = tf.nest.map_structure(lambda *parts: tf.stack(parts), *batches)
    return tf.data.Dataset.from_tensor_slices(stacked)


def _attributes(item: np.ndarray) -> dict[str, np.ndarray]:
    return {"brand": item % 4 + 1, "tags": np.stack([item % 2 + 1, np.where(item < 4, 0, 3)], -1)}
