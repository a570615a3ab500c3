"""The masked windows that pre-training reads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from preprocessing.features import HISTORY_ITEM_ID
from trainer.data import Batch
from trainer.distribution.feeding import WHOLE, Part
from trainer.distribution.passes import passes
from trainer.inputs import StageInputs
from trainer.padding import history_columns, pad_batch
from trainer.pretraining.masking import mask_history


class MaskedBatches:
    """Batches made by `mask_history`.

    Args:
        inputs: Files and configuration.
    """

    def __init__(self, inputs: StageInputs) -> None:
        self._inputs = inputs
        self._records = inputs.records()
        self._fields = inputs.fields().read_by(inputs.config.encoder)
        self._size = inputs.config.pretrain.batch_size

    def once(self, files: Sequence[str], part: Part = WHOLE) -> tf.data.Dataset:
        """The batches of some files, in order, with the same cells hidden each time."""
        batches = self._records.batches(files, self._size, part=part)
        return self._masked(self._padded(batches, part), part)

    def endless(self, part: Part, steps: int, start: int) -> tf.data.Dataset:
        """Batches to train on from step `start` on.

        Each pass of `steps` has another order and hides other cells.
        """
        seed = part.seed_or(self._inputs.config.seed)
        files = self._inputs.train
        by_length = self._inputs.config.pretrain.batches_by_length

        def one_pass(number: tf.Tensor) -> tf.data.Dataset:
            return self._records.batches(files, self._size, seed + number, part, by_length)

        batches = passes(one_pass, steps, start)
        return self._masked(self._padded(batches, part), part, start)

    @tf.autograph.experimental.do_not_convert
    def _padded(self, batches: tf.data.Dataset, part: Part) -> tf.data.Dataset:
        """Batches of one number of windows and a few lengths.

        There are to be few shapes: XLA compiles a step anew for each.
        """
        rows = part.share(self._size)
        most = self._inputs.spec.history.length

        def pad(batch: Batch) -> Batch:
            length = tf.shape(batch[HISTORY_ITEM_ID])[1]
            return pad_batch(batch, rows, history_columns(length, most))

        return batches.map(pad, num_parallel_calls=tf.data.AUTOTUNE)

    @tf.autograph.experimental.do_not_convert
    def _masked(self, batches: tf.data.Dataset, part: Part, start: int = 0) -> tf.data.Dataset:
        rates = self._inputs.config.pretrain.masking
        seed = part.seed_or(self._inputs.config.seed)

        def mask(index: tf.Tensor, batch: Batch) -> dict[str, Any]:
            # Every second number: mask_history draws by the next one, too.
            return mask_history(batch, self._fields, rates, tf.stack([seed, index * 2]))

        masked = batches.enumerate(start).map(mask, num_parallel_calls=tf.data.AUTOTUNE)
        return masked.prefetch(tf.data.AUTOTUNE)
