"""FG-BERT with its prediction heads, as one Keras model to compile and fit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from trainer.catalog import ItemCatalog
from trainer.fields import BEHAVIOR_MASK, ITEM_MASK
from trainer.models.fg_bert import FGBert
from trainer.pretraining.attribute_head import AttributeHead
from trainer.pretraining.cells import Cells, hidden_cells
from trainer.pretraining.cloze_config import ClozeConfig
from trainer.pretraining.objective import Objective, weighted_mean


class ClozeModel(Objective):
    """Predicts the hidden attributes of masked histories.

    Its loss is the sum of the attributes' mean losses. With an encoder of ids alone this is
    BERT4Rec (Sun et al., arXiv 1904.06690).

    Logs `<attribute>_loss` and `<attribute>_accuracy` (of the best guess; for multivalent
    attributes, whether it is among the true values).
    """

    def __init__(
        self, encoder: FGBert, config: ClozeConfig, catalog: ItemCatalog, **kwargs: Any
    ) -> None:
        super().__init__(encoder, config, catalog, **kwargs)
        heads = {}
        logs = []
        for field in encoder.fields.of("history"):
            name = field.field
            embedding = encoder.embeddings[name]
            heads[name] = AttributeHead(field, embedding, config, name=f"predict_{name}")
            logs += [f"{name}_loss", f"{name}_accuracy"]
        self.heads = heads
        self._logs(*logs)

    def call(self, batch: Mapping[str, Any], training: bool | None = None) -> tf.Tensor:
        """See Objective."""
        encoded = self.encoder(batch["features"], training=training)
        cells = self._cells(batch)
        # Heads see the hidden cells alone, which are few.
        hidden = {mask: of_mask.of(encoded.output) for mask, of_mask in cells.items()}
        for field in self.encoder.fields.of("history"):
            head = self.heads[field.field]
            targets = cells[field.mask].of(batch["targets"][field.name])
            predicted = head(hidden[field.mask], targets, training=training)
            weight = predicted.weight * cells[field.mask].weight
            self.add_loss(weighted_mean(predicted.loss, weight))
            self._log(f"{field.field}_loss", predicted.loss, weight)
            self._log(f"{field.field}_accuracy", tf.cast(predicted.correct, tf.float32), weight)
        return encoded.output

    def _cells(self, batch: Mapping[str, Any]) -> dict[str, Cells]:
        """The hidden cells by the mask that hides them."""
        masking = self.config.masking
        shares = {ITEM_MASK: masking.item_rate, BEHAVIOR_MASK: masking.behavior_share}
        by_shape = bool(self.jit_compile)
        masks = {field.mask for field in self.encoder.fields.of("history")}
        return {mask: hidden_cells(batch[mask], shares[mask], by_shape) for mask in sorted(masks)}
