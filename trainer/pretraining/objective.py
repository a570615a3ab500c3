"""What every pre-training objective is: a Keras model around the encoder that adds its own loss."""

from __future__ import annotations

import abc
from collections.abc import Mapping
from typing import Any

import tensorflow as tf
import tf_keras as keras

from trainer.catalog import ItemCatalog
from trainer.config import PretrainConfig
from trainer.models.fg_bert import FGBert


class Objective(keras.Model, abc.ABC):
    """Trains an encoder on batches made by `mask_history`.

    Args:
        encoder: The encoder to train; its fields are what is read and predicted.
        config: Masking and softmax settings.
        catalog: The items' side information.
    """

    def __init__(self, encoder: FGBert, config: PretrainConfig, catalog: ItemCatalog, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.encoder, self.config, self.catalog = encoder, config, catalog
        self.averages: dict[str, keras.metrics.Mean] = {}

    @abc.abstractmethod
    def call(self, batch: Mapping[str, Any], training: bool | None = None) -> tf.Tensor:
        """Adds the losses of a batch; returns the encoder's output [B, L, D]."""

    def _logs(self, *names: str) -> None:
        """Declares what `_log` will be given."""
        self.averages |= {name: keras.metrics.Mean(name=name) for name in names}

    def _log(self, name: str, values: tf.Tensor, weights: tf.Tensor | None = None) -> None:
        """Adds to the mean that is logged under a name."""
        self.averages[name].update_state(values, weights)


def weighted_mean(values: tf.Tensor, weights: tf.Tensor) -> tf.Tensor:
    """The mean of values by weights of the same shape; 0 where all weights are."""
    weights = tf.cast(weights, values.dtype)
    return tf.math.divide_no_nan(tf.reduce_sum(values * weights), tf.reduce_sum(weights))
