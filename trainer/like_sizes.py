"""Batches of records of like size, which pad little."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import tensorflow as tf

from preprocessing.features import CANDIDATE_ITEM_ID, HISTORY_ITEM_ID
from trainer.buckets import Bucket, Filled, fill

Parsed = Mapping[str, tf.Tensor | tf.RaggedTensor]  # records as Transform has written them

CHUNK_BATCHES = 16  # what is sorted by length at once
_MOST_CUTS = 100_000  # batches of a chunk: all of them


def cut_by_length(parsed: Parsed, size: int) -> tf.data.Dataset:
    """Sorts ragged records by length of history and cuts them into batches of `size`."""
    order = tf.argsort(parsed[HISTORY_ITEM_ID].row_lengths(), stable=True)
    starts = tf.range(0, tf.size(order), size)
    return tf.data.Dataset.from_tensor_slices(starts).map(
        lambda start: _chosen(parsed, order[start : start + size])
    )


def cut_into_buckets(
    parsed: Parsed, buckets: Sequence[Bucket], seed: int | tf.Tensor | None
) -> tf.data.Dataset:
    """Sorts ragged records into buckets and cuts each into batches.

    Args:
        parsed: Features of records, among them their items.
        buckets: From the narrowest on; a request that fits in none goes to the last.
        seed: Batches come in random order; None gives those of one bucket after those of another.

    Returns:
        Pairs of a batch of records, ragged as before, and its bucket's number.
    """
    count = tf.cast(parsed[CANDIDATE_ITEM_ID].row_lengths(), tf.int64)
    length = tf.cast(parsed[HISTORY_ITEM_ID].row_lengths(), tf.int64)
    widest = tf.constant([bucket.candidates for bucket in buckets], tf.int64)
    longest = tf.constant([bucket.history for bucket in buckets], tf.int64)
    size = tf.constant([bucket.requests for bucket in buckets], tf.int64)
    fits = (count[:, None] <= widest) & (length[:, None] <= longest)
    place = tf.argmax(tf.cast(fits, tf.int32), 1, tf.int32)
    place = tf.where(tf.reduce_any(fits, 1), place, len(buckets) - 1)
    count_buckets = len(buckets)
    requests = tf.math.bincount(
        place, minlength=count_buckets, maxlength=count_buckets, dtype=tf.int64
    )
    filled = fill(buckets, tf.unstack(requests, count_buckets))
    # Records lie bucket after bucket, and so do the batches that they are cut into.
    order = _last_ones_last(tf.argsort(place, stable=True), filled)
    records = tf.stack([one.requests for one in filled])
    batches = tf.stack([one.batches for one in filled])
    # Of each batch: its bucket, its number within that, and its first and last record.
    bucket_of = tf.repeat(tf.range(count_buckets), batches)
    first_batch = tf.gather(tf.cumsum(batches, exclusive=True), bucket_of)
    number = tf.range(tf.size(bucket_of, tf.int64)) - first_batch
    size_of = tf.gather(size, bucket_of)
    starts = tf.gather(tf.cumsum(records, exclusive=True), bucket_of) + number * size_of
    stops = tf.minimum(starts + size_of, tf.gather(tf.cumsum(records), bucket_of))
    cuts = tf.data.Dataset.from_tensor_slices((starts, stops, bucket_of))
    if seed is not None:
        cuts = cuts.shuffle(_MOST_CUTS, seed=seed)

    def cut(start: tf.Tensor, stop: tf.Tensor, bucket: tf.Tensor) -> tuple[Parsed, tf.Tensor]:
        return _chosen(parsed, order[start:stop]), bucket

    return cuts.map(cut)


def _chosen(parsed: Parsed, rows: tf.Tensor) -> Parsed:
    """Some records, by their place."""
    return {name: tf.gather(values, rows) for name, values in parsed.items()}


def _last_ones_last(order: tf.Tensor, filled: Sequence[Filled]) -> tf.Tensor:
    """Records that lie bucket after bucket, with those moved that are left to the last bucket.

    What a bucket leaves to the next one are its last records, which lie before the next one's
    already.
    """
    lengths: list[tf.Tensor] = []
    is_gone = []
    for bucket in filled[:-1]:
        lengths += [bucket.requests, bucket.gone]
        is_gone += [False, True]
    own = tf.size(order, tf.int64) - sum(lengths)  # the last bucket's
    gone = tf.repeat([*is_gone, False], tf.stack([*lengths, own]))
    return tf.concat([order[~gone], order[gone]], 0)


def in_random_order(batches: tf.data.Dataset, seed: int | tf.Tensor | None) -> tf.data.Dataset:
    """Shuffles batches, which come sorted within a chunk; no seed keeps their order."""
    if seed is None:
        return batches
    return batches.shuffle(4 * CHUNK_BATCHES, seed=seed, reshuffle_each_iteration=True)
