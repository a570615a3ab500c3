"""ELECTRA: the encoder tells which behaviours a small generator has replaced."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tensorflow as tf
import tf_keras as keras

from trainer.catalog import ItemCatalog
from trainer.fields import ITEM_MASK
from trainer.models.fg_bert import FGBert
from trainer.pretraining.attribute_head import AttributeHead
from trainer.pretraining.electra_config import ElectraConfig
from trainer.pretraining.objective import Objective, weighted_mean
from trainer.step_seed import step_seed

_DETECTION_WEIGHT = 50.0


class Electra(Objective):
    """Replaced token detection (Clark et al., arXiv 2003.10555, section 2) over items.

    The generator is a one-layer encoder with the same embeddings and predicts the hidden item ids;
    what it draws takes their place, with the drawn item's side information, so that a mismatch
    gives nothing away. The encoder's loss, whether each real behaviour was replaced, weighs 50
    times the generator's, as in the paper.

    Logs `generator_loss`, `detection_loss`, `detection_accuracy` and `replaced`, the share of
    replaced behaviours.
    """

    def __init__(
        self, encoder: FGBert, config: ElectraConfig, catalog: ItemCatalog, **kwargs: Any
    ) -> None:
        super().__init__(encoder, config, catalog, **kwargs)
        # The encoder's fields are without what it doesn't read.
        size = encoder.config.model_copy(update={"layers": 1, "without": ()})
        self.generator = FGBert(
            encoder.fields, size, embeddings=encoder.embeddings, name="generator"
        )
        self.item = next(field for field in encoder.fields.item if field.field == "item_id")
        self.head = AttributeHead(
            self.item, encoder.embeddings["item_id"], config, name="predict_item_id"
        )
        self.hidden = keras.layers.Dense(encoder.config.dim, tf.nn.gelu, name="detect_hidden")
        self.detect = keras.layers.Dense(1, name="detect")
        self._logs("generator_loss", "detection_loss", "detection_accuracy", "replaced")

    def call(self, batch: Mapping[str, Any], training: bool | None = None) -> tf.Tensor:
        """See Objective; behaviour-related masks are not used."""
        targets = batch["targets"]
        cells = batch[ITEM_MASK]
        originals = tf.boolean_mask(targets[self.item.name], cells)
        shown = self._masked(batch)
        guesses = tf.boolean_mask(self.generator(shown, training=training).output, cells)
        loss, _, weight = self.head(guesses, originals, training=training)
        self.add_loss(weighted_mean(loss, weight))
        self._log("generator_loss", loss, weight)
        drawn = self.draw(guesses)
        # An item that was drawn by luck as it was is no replaced one, as in the paper.
        replaced = tf.scatter_nd(tf.where(cells), drawn != originals, tf.shape(cells, tf.int64))
        encoded = self.encoder(self.replace(targets, cells, drawn), training=training)
        self._detect(encoded.output, replaced, targets[self.item.name] > 0)
        return encoded.output

    def draw(self, guesses: tf.Tensor) -> tf.Tensor:
        """Item indices [M] drawn from the generator's distribution, given its output [M, D]."""
        # The generator learns by its own loss alone, not to be found out.
        logits = tf.stop_gradient(self.head.logits(guesses))
        return tf.random.stateless_categorical(logits, 1, step_seed(1), tf.int64)[:, 0]

    def replace(
        self, targets: Mapping[str, tf.Tensor], cells: tf.Tensor, drawn: tf.Tensor
    ) -> dict[str, tf.Tensor]:
        """The history with drawn items in the hidden cells, side information from the catalogue."""
        places = tf.where(cells)
        items = tf.tensor_scatter_nd_update(targets[self.item.name], places, drawn)
        features = {**targets, self.item.name: items}
        for field in self.encoder.fields.item:
            if field.field in self.catalog.tables:
                known = tf.gather(self.catalog.tables[field.field], drawn)
                features[field.name] = tf.tensor_scatter_nd_update(
                    targets[field.name], places, known
                )
        return features

    def _masked(self, batch: Mapping[str, Any]) -> dict[str, tf.Tensor]:
        """The history with items hidden and behaviours shown."""
        shown = dict(batch["features"])
        for field in self.encoder.fields.behavior:
            shown[field.name] = batch["targets"][field.name]
        return shown

    def _detect(self, output: tf.Tensor, replaced: tf.Tensor, real: tf.Tensor) -> None:
        """Adds the loss of telling which real behaviours [B, L] were replaced."""
        logits = tf.cast(self.detect(self.hidden(output))[..., 0], tf.float32)
        truth = tf.cast(replaced, tf.float32)
        weight = tf.cast(real, tf.float32)
        loss = tf.nn.sigmoid_cross_entropy_with_logits(truth, logits)
        self.add_loss(_DETECTION_WEIGHT * weighted_mean(loss, weight))
        self._log("detection_loss", loss, weight)
        self._log("detection_accuracy", tf.cast((logits > 0) == replaced, tf.float32), weight)
        self._log("replaced", truth, weight)
