"""FG-BERT with its prediction heads, as one Keras model to compile and fit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from trainer.catalog import ItemCatalog
from trainer.models.fg_bert import FGBert
from trainer.pretraining.attribute_head import AttributeHead
from trainer.pretraining.cells import Cells, hidden_cells
from trainer.pretraining.cloze_config import ClozeConfig
from trainer.pretraining.objective import Objective, weighted_mean


class ClozeModel(Objective):
    """Predicts the hidden attributes of masked histories; its loss is the sum of the attributes' mean losses.

    With an encoder of ids alone this is BERT4Rec (Sun et al., arXiv 1904.06690). Logs
    `<attribute>_loss` and `<attribute>_accuracy` (of the best guess; for multivalent attributes,
    whether it is among the true values).
    """

    def __init__(
        self, encoder: FGBert, config: ClozeConfig, catalog: ItemCatalog, **kwargs: Any
    ) -> None:
        super().__init__(encoder, config, catalog, **kwargs)
        self.heads = {
            field.field: AttributeHead(
                field, encoder.embeddings[field.field], config, name=f"predict_{field.field}"
            )
            for field in encoder.fields.of("history")
        }
        self._logs(*(f"{name}_{what}" for name in self.heads for what in ("loss", "accuracy")))

    def call(self, batch: Mapping[str, Any], training: bool | None = None) -> tf.Tensor:
        """See Objective."""
        encoded = self.encoder(batch["features"], training=training)
        cells = self._cells(batch)
        hidden = {mask: of_mask.of(encoded.output) for mask, of_mask in cells.items()}
        for field in self.encoder.fields.of("history"):
            targets = cells[field.mask].of(batch["targets"][field.name])
            loss, correct, weight = self.heads[field.field](
                hidden[field.mask], targets, training=training
            )
            weight = weight * cells[field.mask].weight
            self.add_loss(weighted_mean(loss, weight))
            self._log(f"{field.field}_loss", loss, weight)
            self._log(f"{field.field}_accuracy", tf.cast(correct, tf.float32), weight)
        return encoded.output

    def _cells(self, batch: Mapping[str, Any]) -> dict[str, Cells]:
        """By mask."""
        masking = self.config.masking
        shares = {"item_mask": masking.item_rate, "behavior_mask": masking.behavior_share}
        by_shape = bool(self.jit_compile)
        masks = {field.mask for field in self.encoder.fields.of("history")}
        return {mask: hidden_cells(batch[mask], shares[mask], by_shape) for mask in sorted(masks)}
