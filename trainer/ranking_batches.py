"""The requests that fine-tuning reads."""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf

from trainer.data import with_labels
from trainer.distribution.feeding import WHOLE, Part
from trainer.distribution.passes import passes
from trainer.inputs import StageInputs


class RankingBatches:
    """Features, labels and weights of about `finetune.batch_size` candidates.

    Args:
        inputs: Files and configuration.
    """

    def __init__(self, inputs: StageInputs) -> None:
        self._inputs, self._fields, self._records = inputs, inputs.fields(), inputs.records()
        self._size = inputs.config.finetune.batch_size

    def once(self, files: Sequence[str], part: Part = WHOLE) -> tf.data.Dataset:
        """The batches of some files, in order."""
        return self._prepared(self._records.candidate_batches(files, self._size, part=part))

    def count(self, files: Sequence[str]) -> int:
        """How many batches `once` gives."""
        return self._records.count_candidate_batches(files, self._size)

    def endless(self, part: Part, steps: int, start: int) -> tf.data.Dataset:
        """Batches to train on from step `start` on; each pass of `steps` has another order."""
        seed, files = part.seed_or(self._inputs.config.seed), self._inputs.train
        batches = passes(
            lambda number: self._records.candidate_batches(files, self._size, seed + number, part), steps, start
        )
        return self._prepared(batches)

    @tf.autograph.experimental.do_not_convert
    def _prepared(self, batches: tf.data.Dataset) -> tf.data.Dataset:
        fields = self._fields
        labelled = batches.map(lambda batch: with_labels(batch, fields), num_parallel_calls=tf.data.AUTOTUNE)
        return labelled.prefetch(tf.data.AUTOTUNE)
