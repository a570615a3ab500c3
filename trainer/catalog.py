"""The item catalogue: each item's side information and training popularity, by item index."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import tensorflow as tf

from preprocessing.features import TRAINING_EVENTS, number_name
from trainer import slices
from trainer.fields import Fields

Features = Mapping[str, tf.Tensor]


class ItemCatalog(tf.Module):
    """Fills absent item features of requests from tables that travel inside the SavedModel.

    For serving, when all that it knows is earlier than the request. Records to train on hold what
    was known at their own times, and stay as they are.

    Args:
        tables: Item field -> indices [rows] (or [rows, V]); row i is the item of index i, zeros
            where unknown.
        training_events: [rows] events of each item before the training cut-off.
        numbers: Item field -> the numbers [rows] that belong to its indices, zeros where unknown.
    """

    def __init__(
        self,
        tables: Mapping[str, np.ndarray],
        training_events: np.ndarray,
        numbers: Mapping[str, np.ndarray] | None = None,
    ) -> None:
        super().__init__(name="item_catalog")
        by_field = {}
        for field, table in tables.items():
            by_field[field] = _constant(table, tf.int64, f"catalog_{field}")
        self.tables = by_field
        by_field = {}
        for field, table in (numbers or {}).items():
            by_field[field] = _constant(table, tf.float32, f"catalog_{number_name(field)}")
        self.numbers = by_field
        self.training_events = _constant(training_events, tf.int64, "training_events")

    @classmethod
    def from_batches(cls, fields: Fields, batches: Iterable[Features]) -> ItemCatalog:
        """Builds it from dense batches of the transformed split `catalog`."""
        rows = next(field.size for field in fields.item if field.field == "item_id")
        tables = {}
        numbers = {}
        for field in fields.item:
            if field.field == "item_id":
                continue
            shape = (rows, field.width) if field.multivalent else (rows,)
            tables[field.field] = np.zeros(shape, np.int64)
            if field.number:
                numbers[field.field] = np.zeros(rows, np.float32)
        events = np.zeros(rows, np.int64)
        for batch in batches:
            # Index 0 pads, and stands for items that are in no vocabulary.
            items = batch["candidate_item_id"].numpy()
            known = items > 0
            events[items[known]] = batch[TRAINING_EVENTS].numpy()[known]
            for name, table in tables.items():
                table[items[known]] = batch[f"candidate_{name}"].numpy()[known]
            for name, values in numbers.items():
                values[items[known]] = batch[number_name(f"candidate_{name}")].numpy()[known]
        return cls(tables, events, numbers)

    def fill(self, features: Features) -> dict[str, tf.Tensor]:
        """Looks absent item features up by the item index.

        Args:
            features: Indices and numbers of histories, candidates or both, with their item ids.

        Returns:
            All of `features`, and those of items. A feature is absent where it is 0, and where it
            isn't there at all.
        """
        filled = dict(features)
        for side in ("history", "candidate"):
            items = features.get(f"{side}_item_id")
            if items is None:
                continue
            for field, table in self.tables.items():
                name = f"{side}_{field}"
                sent = features.get(name)
                known = tf.gather(table, items)
                filled[name] = known if sent is None else _prefer(sent, known)
            for field, table in self.numbers.items():
                sent = features.get(f"{side}_{field}")
                name = number_name(f"{side}_{field}")
                known = tf.gather(table, items)
                filled[name] = known if sent is None else tf.where(sent > 0, features[name], known)
        return filled

    def popularity(self, items: tf.Tensor) -> tf.Tensor:
        """The popularity slice of each item index (`trainer.slices`).

        An item without a training event, known or not, is unseen.
        """
        # Vocabularies are ordered by frequency, so that an item's index tells its rank.
        seen = tf.reduce_sum(tf.cast(self.training_events > 0, tf.int64))
        rank = tf.cast(items - 1, tf.float32) / tf.cast(tf.maximum(seen, 1), tf.float32)
        beyond_head = tf.where(rank < slices.MIDDLE_SHARE, slices.MIDDLE, slices.TAIL)
        seen_before = tf.where(rank < slices.HEAD_SHARE, slices.HEAD, beyond_head)
        return tf.where(tf.gather(self.training_events, items) > 0, seen_before, slices.UNSEEN)


def _constant(values: np.ndarray, dtype: tf.DType, name: str) -> tf.Variable:
    """A variable that is never trained: it travels with the model, but not in its graph."""
    return tf.Variable(values, trainable=False, dtype=dtype, name=name)


def _prefer(sent: tf.Tensor, known: tf.Tensor) -> tf.Tensor:
    """The indices that were sent, and where a cell has none, those that are known."""
    if sent.shape.rank == 3:
        return tf.where(tf.reduce_any(sent > 0, -1, keepdims=True), sent, known)
    return tf.where(sent > 0, sent, known)
