"""Batches of records of like size, which pad little."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from preprocessing.features import CANDIDATE_ITEM_ID, HISTORY_ITEM_ID

CHUNK_BATCHES = 16  # what is sorted at once


def cut_by_length(parsed: Mapping[str, Any], size: int) -> tf.data.Dataset:
    """Sorts ragged records by length of history and cuts them into batches of `size`."""
    order = tf.argsort(parsed[HISTORY_ITEM_ID].row_lengths(), stable=True)
    return _cut(parsed, order, tf.range(tf.size(order)) // size)


def cut_by_candidates(parsed: Mapping[str, Any], candidates: int) -> tf.data.Dataset:
    """Sorts ragged records by candidates, then by length, and cuts them into batches of about `candidates`."""
    count, length = parsed[CANDIDATE_ITEM_ID].row_lengths(), parsed[HISTORY_ITEM_ID].row_lengths()
    order = tf.argsort(count * (tf.reduce_max(length) + 1) + length, stable=True)
    return _cut(parsed, order, (tf.cumsum(tf.gather(count, order)) - 1) // candidates)


def in_random_order(batches: tf.data.Dataset, seed: int | tf.Tensor | None) -> tf.data.Dataset:
    """Shuffles batches, which come sorted within a chunk; no seed keeps their order."""
    if seed is None:
        return batches
    return batches.shuffle(4 * CHUNK_BATCHES, seed=seed, reshuffle_each_iteration=True)


def _cut(parsed: Mapping[str, Any], order: tf.Tensor, batch_of: tf.Tensor) -> tf.data.Dataset:
    """Records in `order`, cut where the number of their batch changes."""
    ordered = {name: tf.gather(value, order) for name, value in parsed.items()}
    _, _, sizes = tf.unique_with_counts(batch_of, tf.int64)
    stops = tf.cumsum(sizes)
    return tf.data.Dataset.from_tensor_slices((stops - sizes, stops)).map(
        lambda start, stop: {name: value[start:stop] for name, value in ordered.items()}
    )
