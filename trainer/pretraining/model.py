"""FG-BERT with its prediction heads, as one Keras model to compile and fit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tensorflow as tf
import tf_keras as keras

from trainer.config import PretrainConfig
from trainer.fields import Fields
from trainer.models.fg_bert import FGBert
from trainer.pretraining.attribute_head import AttributeHead


class ClozeModel(keras.Model):
    """Predicts the hidden attributes of masked histories; its loss is the sum of the attributes' mean losses.

    Logs `<attribute>_loss` and `<attribute>_accuracy` (of the best guess; for multivalent attributes, whether it is
    among the true values).

    Args:
        encoder: The encoder to train.
        fields: The data set's fields.
        config: Masking and softmax settings.
    """

    def __init__(self, encoder: FGBert, fields: Fields, config: PretrainConfig, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.encoder, self.fields = encoder, fields
        self.heads = {
            field.field: AttributeHead(field, encoder.embeddings[field.field], config, name=f"predict_{field.field}")
            for field in fields.of("history")
        }
        self.averages = {
            f"{name}_{what}": keras.metrics.Mean(name=f"{name}_{what}")
            for name in self.heads
            for what in ("loss", "accuracy")
        }

    def call(self, batch: Mapping[str, Any], training: bool | None = None) -> tf.Tensor:
        """Adds the loss of a batch made by `mask_history`; returns the encoder's output [B, L, D]."""
        encoded = self.encoder(batch["features"], training=training)
        for field in self.fields.of("history"):
            cells = batch["item_mask"] if field.feature.describes_item else batch["behavior_mask"]
            hidden = tf.boolean_mask(encoded.output, cells)
            targets = tf.boolean_mask(batch["targets"][field.name], cells)
            loss, correct, weight = self.heads[field.field](hidden, targets, training=training)
            self.add_loss(tf.math.divide_no_nan(tf.reduce_sum(loss * weight), tf.reduce_sum(weight)))
            self.averages[f"{field.field}_loss"].update_state(loss, weight)
            self.averages[f"{field.field}_accuracy"].update_state(correct, weight)
        return encoded.output
