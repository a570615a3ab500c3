"""Batches of records of like size, which pad little."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf

from preprocessing.features import CANDIDATE_ITEM_ID, HISTORY_ITEM_ID
from trainer.buckets import Bucket

CHUNK_BATCHES = 16  # what is sorted by length at once
_MOST_CUTS = 100_000  # batches of a chunk: all of them


def cut_by_length(parsed: Mapping[str, Any], size: int) -> tf.data.Dataset:
    """Sorts ragged records by length of history and cuts them into batches of `size`."""
    order = tf.argsort(parsed[HISTORY_ITEM_ID].row_lengths(), stable=True)
    ordered = {name: tf.gather(value, order) for name, value in parsed.items()}
    starts = tf.range(0, tf.size(order), size)
    return tf.data.Dataset.from_tensor_slices(starts).map(
        lambda start: {name: value[start : start + size] for name, value in ordered.items()}
    )


def cut_into_buckets(
    parsed: Mapping[str, Any], buckets: Sequence[Bucket], seed: int | tf.Tensor | None
) -> tf.data.Dataset:
    """Sorts ragged records into buckets and cuts each into batches: pairs of records and their bucket's number.

    Batches come in random order; no seed gives those of one bucket after those of another.
    """
    count = tf.cast(parsed[CANDIDATE_ITEM_ID].row_lengths(), tf.int64)
    length = tf.cast(parsed[HISTORY_ITEM_ID].row_lengths(), tf.int64)
    widest = tf.constant([bucket.candidates for bucket in buckets], tf.int64)
    longest = tf.constant([bucket.history for bucket in buckets], tf.int64)
    size = tf.constant([bucket.requests for bucket in buckets], tf.int64)
    fits = (count[:, None] <= widest) & (length[:, None] <= longest)
    place = tf.argmax(tf.cast(fits, tf.int32), 1, tf.int32)
    place = tf.where(tf.reduce_any(fits, 1), place, len(buckets) - 1)
    order = tf.argsort(place, stable=True)
    ordered = {name: tf.gather(value, order) for name, value in parsed.items()}
    records = tf.math.bincount(
        place, minlength=len(buckets), maxlength=len(buckets), dtype=tf.int64
    )
    batches = -(-records // size)
    bucket_of = tf.repeat(tf.range(len(buckets)), batches)
    number = tf.range(tf.size(bucket_of, tf.int64)) - tf.gather(
        tf.cumsum(batches, exclusive=True), bucket_of
    )
    starts = tf.gather(tf.cumsum(records, exclusive=True), bucket_of) + number * tf.gather(
        size, bucket_of
    )
    stops = tf.minimum(
        starts + tf.gather(size, bucket_of), tf.gather(tf.cumsum(records), bucket_of)
    )
    cuts = tf.data.Dataset.from_tensor_slices((starts, stops, bucket_of))
    if seed is not None:
        cuts = cuts.shuffle(_MOST_CUTS, seed=seed)
    return cuts.map(
        lambda start, stop, bucket: ({name: x[start:stop] for name, x in ordered.items()}, bucket)
    )


def in_random_order(batches: tf.data.Dataset, seed: int | tf.Tensor | None) -> tf.data.Dataset:
    """Shuffles batches, which come sorted within a chunk; no seed keeps their order."""
    if seed is None:
        return batches
    return batches.shuffle(4 * CHUNK_BATCHES, seed=seed, reshuffle_each_iteration=True)
