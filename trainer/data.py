"""Transformed records as batches of dense indices.

Nothing here has Python control flow over tensors, so AutoGraph, which takes seconds to convert it
all, is left out.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import tensorflow as tf

from preprocessing.errors import DataError
from preprocessing.features import (
    CANDIDATE_ITEM_ID,
    HISTORY_ITEM_ID,
    STATISTIC_LINES,
    TRAINING_EVENTS,
    label_name,
)
from trainer.buckets import CHUNK_BYTES, Plan, Sizes
from trainer.catalog import ItemCatalog
from trainer.ceil_div import ceil_div
from trainer.distribution.feeding import WHOLE, Part
from trainer.fields import Fields
from trainer.like_sizes import (
    CHUNK_BATCHES,
    Parsed,
    cut_by_length,
    cut_into_buckets,
    in_random_order,
)
from trainer.padding import pad_batch, pad_columns

if TYPE_CHECKING:
    from tensorflow_transform import TFTransformOutput

Batch = dict[str, tf.Tensor]

_SHUFFLE_RECORDS = 100_000
_SHUFFLE_BYTES = 256 * 2**20  # of serialised records
_SAMPLE_BATCH = 256  # records
_OPEN_FILES = 32  # so that the shuffle buffer holds records of many files however large each is


class TransformedRecords:
    """Reads what Transform wrote.

    Args:
        fields: The data set's fields.
        transform_output: It knows the records' format.
    """

    def __init__(self, fields: Fields, transform_output: TFTransformOutput) -> None:
        self.fields = fields
        self._feature_spec = transform_output.transformed_feature_spec()
        self._lines = {STATISTIC_LINES: self._feature_spec.pop(STATISTIC_LINES, None)}

    @tf.autograph.experimental.do_not_convert
    def batches(
        self,
        patterns: Sequence[str],
        batch_size: int,
        shuffle_seed: int | tf.Tensor | None = None,
        part: Part = WHOLE,
        by_length: bool = False,
    ) -> tf.data.Dataset:
        """Dense batches of records; indices are padded with 0, labels with 0.0.

        Args:
            patterns: File patterns of gzipped TFRecords.
            batch_size: Records per batch.
            shuffle_seed: Shuffles records, differently each epoch, reproducibly; None keeps their
                order. A file's records are ordered by user, so many files are read at once, in a
                new order each epoch.
            part: Which of several workers reads; `batch_size` is that of all of them.
            by_length: Makes batches of histories of like length, to pad little: of every 16
                batches' worth of records, or of fewer where these are large, the shortest become
                one batch, and so on. Batches come in random order if records do.

        Raises:
            DataError: no file matches.
        """
        size = part.share(batch_size)
        # How many batches are sorted by length at once: as many as memory has room for.
        chunk = CHUNK_BYTES // (size * _record_bytes(tuple(_files(patterns))))
        taken = min(max(chunk, 1), CHUNK_BATCHES) if by_length else 1
        records = self._records(patterns, shuffle_seed, part).batch(size * taken)
        parsed = records.map(self._parse, num_parallel_calls=tf.data.AUTOTUNE)
        if by_length:
            cut = parsed.flat_map(lambda chunk: cut_by_length(chunk, size))
            parsed = in_random_order(cut, shuffle_seed)
        return parsed.map(self._densify, num_parallel_calls=tf.data.AUTOTUNE)

    @tf.autograph.experimental.do_not_convert
    def candidate_batches(
        self,
        patterns: Sequence[str],
        plan: Plan,
        shuffle_seed: int | tf.Tensor | None = None,
        part: Part = WHOLE,
    ) -> tf.data.Dataset:
        """Dense batches of requests of like size, each padded to its bucket's shape.

        Records are taken in chunks; a chunk is sorted into buckets, and each bucket is cut, so that
        every candidate weighs about alike in the mean over a batch. Batches come in random order if
        records do.

        Args:
            patterns: As for `batches`.
            plan: The buckets; a request that fits in none makes a batch of the last larger.
            shuffle_seed: As for `batches`.
            part: As for `batches`.
        """
        buckets = [bucket.share(part.workers) for bucket in plan.buckets]
        shapes = tf.constant(buckets, tf.int32)

        def pad(parsed: Parsed, number: tf.Tensor) -> Batch:
            requests, candidates, history = tf.unstack(shapes[number])
            return pad_batch(self._densify(parsed), requests, history, candidates)

        # One chunk is parsed at a time: parsing several at once would take as much more memory.
        chunks = self._records(patterns, shuffle_seed, part).batch(plan.chunk)
        parsed = chunks.map(self._parse)
        cut = parsed.flat_map(lambda chunk: cut_into_buckets(chunk, buckets, shuffle_seed))
        return cut.map(pad, num_parallel_calls=tf.data.AUTOTUNE)

    def count(self, patterns: Sequence[str]) -> int:
        """How many records the files hold."""
        blocks = self._records(patterns, None, WHOLE).batch(1024)
        total = blocks.reduce(np.int64(0), lambda found, block: found + tf.size(block, tf.int64))
        return int(total)

    @tf.autograph.experimental.do_not_convert
    def sizes(self, patterns: Sequence[str]) -> Sizes:
        """How large the requests of the files are, unshuffled; nothing but items is parsed."""
        names = (CANDIDATE_ITEM_ID, HISTORY_ITEM_ID)
        spec = {name: self._feature_spec[name] for name in names}

        def measure(block: tf.Tensor) -> tf.Tensor:
            parsed = tf.io.parse_example(block, spec)
            return tf.stack([parsed[name].row_lengths() for name in names])

        blocks = self._records(patterns, None, WHOLE).batch(1024).map(measure)
        nothing = np.zeros((2, 0), np.int64)
        measured = [block.numpy() for block in blocks]
        candidates, lengths = np.concatenate([nothing, *measured], 1)
        return Sizes(candidates, lengths, _record_bytes(tuple(_files(patterns))))

    @tf.autograph.experimental.do_not_convert
    def sample(
        self, patterns: Sequence[str], candidates: int, seed: int
    ) -> tuple[tf.data.Dataset, int]:
        """A random sample of whole requests, in their order, as dense batches.

        Args:
            patterns: As for `batches`.
            candidates: How many candidates at most, give or take what chance does; all where the
                files have no more.
            seed: Decides which requests.

        Returns:
            The batches, and how many candidates all the files have.
        """
        total = int(self.sizes(patterns).candidates.sum())
        records = self._records(patterns, None, WHOLE)
        if total > candidates:
            records = take_share(records, candidates / total, seed)
        parsed = records.batch(_SAMPLE_BATCH).map(self._parse, num_parallel_calls=tf.data.AUTOTUNE)
        return parsed.map(self._densify, num_parallel_calls=tf.data.AUTOTUNE), total

    def catalog(self, patterns: Sequence[str]) -> ItemCatalog:
        """The item catalogue from the files of split `catalog`."""
        return ItemCatalog.from_batches(self.fields, self.batches(patterns, batch_size=16))

    def statistic_lines(self, patterns: Sequence[str]) -> list[bytes]:
        """The lines of the statistics table, from the files of split `catalog`.

        The spec must have statistics.
        """

        def parse(records: tf.Tensor) -> tf.Tensor:
            return tf.io.parse_example(records, self._lines)[STATISTIC_LINES].flat_values

        lines: list[bytes] = []
        for some in self._records(patterns, None, WHOLE).batch(16).map(parse).as_numpy_iterator():
            lines += some.tolist()
        return lines

    def _records(
        self, patterns: Sequence[str], shuffle_seed: int | tf.Tensor | None, part: Part
    ) -> tf.data.Dataset:
        files = _files(patterns)
        if len(files) < part.workers:
            raise DataError(
                "trainer.distribution.share_files needs at least a file a worker. Received: "
                f"{len(files)} files that match {list(patterns)}, {part.workers} workers"
            )
        if part.workers > 1:
            _check_shares(files, part.workers)
        files = files[part.worker :: part.workers]
        if shuffle_seed is None:
            return _read(files)
        order = tf.data.Dataset.from_tensor_slices(files)
        order = order.shuffle(len(files), seed=shuffle_seed, reshuffle_each_iteration=True)
        records = order.interleave(_read, cycle_length=min(len(files), _OPEN_FILES))
        buffer = min(_SHUFFLE_RECORDS, max(_SHUFFLE_BYTES // _record_bytes(tuple(files)), 1))
        return records.shuffle(buffer, seed=shuffle_seed, reshuffle_each_iteration=True)

    def _parse(self, serialized: tf.Tensor) -> Parsed:
        return tf.io.parse_example(serialized, self._feature_spec)

    def _densify(self, parsed: Parsed) -> Batch:
        return densify(parsed, self.fields)


def _files(patterns: Sequence[str]) -> list[str]:
    """The files that any of the patterns matches, sorted."""
    files: list[str] = []
    for pattern in patterns:
        files += tf.io.gfile.glob(pattern)
    if not files:
        raise DataError(
            f"no transformed records match {list(patterns)}. They are what Transform has written: "
            "of a run, artifacts/Transform/transformed_examples/N in its folder"
        )
    return sorted(files)


def _check_shares(files: Sequence[str], workers: int) -> None:
    """Raises a DataError where a worker has no record, which would then wait for one for ever.

    Every worker looks at all shares, so that all of them fail, and none waits for another.
    """
    for worker in range(workers):
        share = files[worker::workers]
        if _is_empty(tuple(share)):
            raise DataError(
                f"trainer.distribution.share_files: worker {worker} of {workers} would have files "
                f"without a record: {share}. Leave share_files out, or write more records into "
                "each file"
            )


@functools.lru_cache
def _is_empty(files: tuple[str, ...]) -> bool:
    """Whether none of the files has a record."""
    with tf.init_scope():  # eagerly, even where the caller is traced
        return not any(True for _ in _read(list(files)).take(1))


@functools.lru_cache
def _record_bytes(files: tuple[str, ...]) -> int:
    """What a record takes, on average over the first few, rounded up; 1 where there are none."""
    with tf.init_scope():  # eagerly, even where the caller is traced
        first = [len(record.numpy()) for record in _read(list(files)).take(256)]
    return int(ceil_div(sum(first), max(len(first), 1))) or 1


def _read(files: Sequence[str] | tf.Tensor) -> tf.data.Dataset:
    return tf.data.TFRecordDataset(files, compression_type="GZIP", num_parallel_reads=1)


def take_share(records: tf.data.Dataset, share: float, seed: int) -> tf.data.Dataset:
    """About a share of some records, in their order; the same seed takes the same ones."""
    # Numbers below 2 ** 32, one for each record.
    draws = tf.data.Dataset.random(seed, rerandomize_each_iteration=False)
    drawn = tf.data.Dataset.zip((records, draws)).filter(lambda _, draw: draw < int(share * 2**32))
    return drawn.map(lambda record, _: record)


def densify(parsed: Parsed, fields: Fields) -> Batch:
    """Makes transformed features dense: [B], [B, V], [B, L] or [B, L, V], with L at least 1.

    A multivalent feature of behaviours or candidates comes as one list, cell after cell, each cell
    padded to the feature's width V.
    """
    width = {field.name: field.width for field in fields.all if field.multivalent}
    dense = {}
    for name, value in parsed.items():
        if not isinstance(value, tf.RaggedTensor):
            dense[name] = value
            continue
        values = pad_columns(value.to_tensor(), width.get(name, 1))
        if name in width:
            values = tf.reshape(values, [tf.shape(values)[0], -1, width[name]])
        dense[name] = values
    return dense


def with_labels(batch: Batch, fields: Fields) -> tuple[Batch, Batch, Batch]:
    """Splits a batch into what Keras fits.

    Returns:
        Features; labels [B, N] for each task; weights [B, N] for each task, 0 on padding.
    """
    features = dict(batch)
    for name in batch:
        if name.startswith(("label_", TRAINING_EVENTS)):
            del features[name]
    present = tf.cast(features[CANDIDATE_ITEM_ID] > 0, tf.float32)
    labels = {task: batch[label_name(task)] for task in fields.tasks}
    return features, labels, dict.fromkeys(fields.tasks, present)
