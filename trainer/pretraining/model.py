"""FG-BERT with its prediction heads, as one Keras model to compile and fit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from trainer.catalog import ItemCatalog
from trainer.models.fg_bert import FGBert
from trainer.pretraining.attribute_head import AttributeHead
from trainer.pretraining.cloze_config import ClozeConfig
from trainer.pretraining.objective import Objective, weighted_mean


class ClozeModel(Objective):
    """Predicts the hidden attributes of masked histories; its loss is the sum of the attributes' mean losses.

    With an encoder of ids alone this is BERT4Rec (Sun et al., arXiv 1904.06690). Logs `<attribute>_loss` and
    `<attribute>_accuracy` (of the best guess; for multivalent attributes, whether it is among the true values).
    """

    def __init__(self, encoder: FGBert, config: ClozeConfig, catalog: ItemCatalog, **kwargs: Any) -> None:
        super().__init__(encoder, config, catalog, **kwargs)
        self.heads = {
            field.field: AttributeHead(field, encoder.embeddings[field.field], config, name=f"predict_{field.field}")
            for field in encoder.fields.of("history")
        }
        self._logs(*(f"{name}_{what}" for name in self.heads for what in ("loss", "accuracy")))

    def call(self, batch: Mapping[str, Any], training: bool | None = None) -> tf.Tensor:
        """See Objective."""
        encoded = self.encoder(batch["features"], training=training)
        for field in self.encoder.fields.of("history"):
            cells = batch[field.mask]
            hidden = tf.boolean_mask(encoded.output, cells)
            targets = tf.boolean_mask(batch["targets"][field.name], cells)
            loss, correct, weight = self.heads[field.field](hidden, targets, training=training)
            self.add_loss(weighted_mean(loss, weight))
            self._log(f"{field.field}_loss", loss, weight)
            self._log(f"{field.field}_accuracy", tf.cast(correct, tf.float32), weight)
        return encoded.output
