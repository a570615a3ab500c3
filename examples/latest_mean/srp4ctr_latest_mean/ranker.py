"""A ranker that knows of a user little more than what the latest behaviours were."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from srp4ctr_latest_mean.options import LatestMeanConfig
from trainer.layers.masked_mean import masked_mean
from trainer.models.baseline import Baseline, BaselineState
from trainer.models.ranker import Features


class LatestMean(Baseline):
    """The mean of the latest behaviours, beside the user's features.

    A candidate is known by its own features alone.
    """

    config: LatestMeanConfig

    def _read(
        self, user: tf.Tensor, history: tf.Tensor, features: Features, training: bool | None
    ) -> tuple[Any, tf.Tensor]:
        real = features["history_item_id"] > 0
        later = tf.cumsum(tf.cast(real, tf.int32), axis=1, exclusive=True, reverse=True)
        mean = masked_mean(history, real & (later < self.config.latest))
        return (), tf.concat([user, mean], -1)  # no part of its own

    def _match(
        self, candidates: tf.Tensor, state: BaselineState, features: Features, training: bool | None
    ) -> tf.Tensor:
        return candidates
