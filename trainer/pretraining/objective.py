"""The base class of pre-training objectives: a Keras model around the encoder."""

from __future__ import annotations

import abc
from collections.abc import Mapping
from typing import Any

import tensorflow as tf
import tf_keras as keras

from trainer.catalog import ItemCatalog
from trainer.global_mean import global_mean, replicas
from trainer.models.fg_bert import FGBert
from trainer.pretrain_config import PretrainConfig
from trainer.pretraining.attribute_head import AttributeHead
from trainer.step_model import StepModel


class Objective(StepModel, abc.ABC):
    """Trains an encoder on batches made by `mask_history`.

    An objective adds its own losses when it is called.

    Args:
        encoder: The encoder to train; its fields are what is read and predicted.
        config: Masking and softmax settings.
        catalog: The items' side information.
    """

    def __init__(
        self, encoder: FGBert, config: PretrainConfig, catalog: ItemCatalog, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.encoder = encoder
        self.config = config
        self.catalog = catalog
        # They fill hidden attributes in; not every objective has some.
        self.heads: dict[str, AttributeHead] = {}
        self.averages: dict[str, keras.metrics.Mean] = {}
        self.mean_loss = keras.metrics.Mean(name="loss")

    @abc.abstractmethod
    def call(self, batch: Mapping[str, Any], training: bool | None = None) -> tf.Tensor:
        """Adds the losses of a batch; returns the encoder's output [B, L, D]."""

    def _logs(self, *names: str) -> None:
        """Declares what `_log` will be given."""
        declared = {name: keras.metrics.Mean(name=name) for name in names}
        self.averages = {**self.averages, **declared}

    def _log(self, name: str, values: tf.Tensor, weights: tf.Tensor | None = None) -> None:
        """Adds to the mean that is logged under a name.

        It adds nothing while weights are made in a strategy's scope.
        """
        if tf.distribute.in_cross_replica_context():
            return
        weights = tf.ones_like(values) if weights is None else weights
        weight = tf.reduce_sum(weights)
        mean = tf.math.divide_no_nan(tf.reduce_sum(values * weights), weight)
        self.averages[name].update_state(mean, weight)  # given vectors, Keras would compare shapes

    def compute_loss(
        self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None
    ) -> tf.Tensor:
        """This replica's part of the sum of the losses."""
        loss = tf.add_n(self.losses)
        self.mean_loss.update_state(loss * replicas())
        return loss


def weighted_mean(values: tf.Tensor, weights: tf.Tensor) -> tf.Tensor:
    """This replica's part of the mean of values by weights of the same shape.

    It is 0 where all weights are 0.
    """
    return global_mean(values, tf.cast(weights, values.dtype))
