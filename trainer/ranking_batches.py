"""The requests that fine-tuning reads."""

from __future__ import annotations

import functools
from collections.abc import Sequence

import tensorflow as tf

from trainer.buckets import Plan, Sizes, plan_buckets
from trainer.data import with_labels
from trainer.distribution.feeding import WHOLE, Part
from trainer.distribution.passes import passes
from trainer.inputs import StageInputs


class RankingBatches:
    """Batches of features, labels and weights.

    Each has about `finetune.batch_size` candidates, and one of a few shapes.

    Args:
        inputs: Files and configuration.
    """

    def __init__(self, inputs: StageInputs) -> None:
        self._inputs = inputs
        self._fields = inputs.fields()
        self._records = inputs.records()

    @functools.cached_property
    def plan(self) -> Plan:
        """The buckets that pad the training data least; the same in every process."""
        sizes = self._sizes(tuple(self._inputs.train))
        return plan_buckets(sizes, self._inputs.config.finetune.batch_size)

    def once(self, files: Sequence[str], part: Part = WHOLE) -> tf.data.Dataset:
        """The batches of training or validation files, always in one order."""
        return self._prepared(self._records.candidate_batches(files, self.plan, part=part))

    def count(self, files: Sequence[str]) -> int:
        """How many batches `once` gives."""
        return int(self.plan.batches(self._sizes(tuple(files))).sum())

    def padding(self, files: Sequence[str]) -> float:
        """The share of empty cells, behaviours' and candidates' together, in these batches."""
        return self.plan.padding(self._sizes(tuple(files)))

    def endless(self, part: Part, steps: int, start: int) -> tf.data.Dataset:
        """Batches to train on from step `start` on; each pass of `steps` has another order."""
        seed = part.seed_or(self._inputs.config.seed)
        files = self._inputs.train
        plan = self.plan

        def one_pass(number: tf.Tensor) -> tf.data.Dataset:
            return self._records.candidate_batches(files, plan, seed + number, part)

        return self._prepared(passes(one_pass, steps, start))

    # Training and validation files are measured once each, which reads all of them.
    @functools.cache  # noqa: B019 (one for each stage)
    def _sizes(self, files: tuple[str, ...]) -> Sizes:
        return self._records.sizes(files)

    @tf.autograph.experimental.do_not_convert
    def _prepared(self, batches: tf.data.Dataset) -> tf.data.Dataset:
        fields = self._fields
        labelled = batches.map(
            lambda batch: with_labels(batch, fields), num_parallel_calls=tf.data.AUTOTUNE
        )
        return labelled.prefetch(tf.data.AUTOTUNE)
