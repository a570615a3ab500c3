"""Hands a stage's batches to the replicas of a strategy."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import tensorflow as tf
import tf_keras as keras

from trainer.ceil_div import ceil_div
from trainer.padding import pad_rows


@dataclasses.dataclass(frozen=True)
class Part:
    """What one process reads.

    Attributes:
        worker: Of `workers` that share the files: this process takes every `workers`-th file, from
            number `worker` on.
        workers: 1 where every process reads all files.
        is_remote: Whether it is another machine that reads, by a graph that this one makes: no
            variable of this process is in reach there, and each such machine goes through the data
            in an order of its own.
    """

    worker: int = 0
    workers: int = 1
    is_remote: bool = False

    def share(self, size: int) -> int:
        """This process's share of a batch of `size`."""
        return max(size // self.workers, 1)

    def seed_or(self, seed: int) -> tf.Tensor:
        """The configured seed, or on other machines the moment at which each starts to read."""
        return tf.cast(tf.timestamp() * 1e6 if self.is_remote else seed, tf.int64)


WHOLE = Part()

Batches = Callable[[Part], tf.data.Dataset]


def is_parameter_server(strategy: tf.distribute.Strategy) -> bool:
    """Whether workers train by themselves, each at its own pace."""
    return isinstance(strategy, tf.distribute.ParameterServerStrategy)


def feed(strategy: tf.distribute.Strategy, batches: Batches, share_files: bool = False) -> Any:
    """What to give to `fit` so that a step's replicas share one batch.

    With `share_files` each worker reads its own files alone, in batches smaller by the number of
    workers; a pass has as many steps for each, see `passes`. Otherwise all workers read everything
    and take their share of each batch, and a step is on the very records that it would be on with
    one device. A parameter server's workers each go through all the data in an order of their own.

    Args:
        strategy: How it is trained.
        batches: Makes the whole batches that a process reads.
        share_files: Whether each worker reads files of its own.
    """
    if is_parameter_server(strategy):
        return keras.utils.experimental.DatasetCreator(lambda _: batches(Part(is_remote=True)))
    if strategy.num_replicas_in_sync == 1:
        return batches(WHOLE)

    def of_one_worker(context: tf.distribute.InputContext) -> tf.data.Dataset:
        workers = context.num_input_pipelines
        worker = context.input_pipeline_id
        replicas = context.num_replicas_in_sync // workers  # of this worker
        if share_files:
            return _cut(batches(Part(worker, workers)), 0, replicas, replicas)
        return _cut(batches(WHOLE), worker * replicas, replicas, replicas * workers)

    return strategy.distribute_datasets_from_function(of_one_worker)


def _cut(batches: tf.data.Dataset, first: int, count: int, of: int) -> tf.data.Dataset:
    """Cuts each batch by rows into `of` parts and gives `count` of them, from number `first` on.

    All are of one shape: where rows can't be shared evenly, the last parts end in one of padding.
    """

    def parts(*batch: Any) -> tf.data.Dataset:
        whole = tf.nest.map_structure(evenly, batch[0] if len(batch) == 1 else batch)
        numbers = tf.data.Dataset.range(first, first + count)
        return numbers.map(lambda part: tf.nest.map_structure(lambda x: x[part::of], whole))

    def evenly(values: tf.Tensor) -> tf.Tensor:
        return pad_rows(values, ceil_div(tf.shape(values)[0], of) * of)

    return batches.flat_map(parts).prefetch(tf.data.AUTOTUNE)
