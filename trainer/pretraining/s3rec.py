"""S3-Rec: four self-supervised objectives of items, attributes, sequences and segments."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tensorflow as tf
import tf_keras as keras

from trainer.catalog import ItemCatalog
from trainer.fields import ITEM_MASK
from trainer.models.fg_bert import FGBert
from trainer.pretraining.masking import hide
from trainer.pretraining.objective import Objective, weighted_mean
from trainer.pretraining.s3rec_config import S3RecConfig
from trainer.pretraining.segments import keep_cells, last_real, random_segments
from trainer.step_seed import step_seed

_WEIGHTS = {"aap": 1.0, "mip": 0.2, "map": 1.0, "sp": 0.5}


class S3Rec(Objective):
    """S3-Rec (Zhou et al., arXiv 2008.07873, section 4.2).

    It has four objectives, weighed as in the paper, and logs `<objective>_loss` of each:

    - AAP: an item's embedding predicts its attributes.
    - MIP: the output at a hidden item prefers that item to a random one.
    - MAP: the output at a hidden item predicts its attributes.
    - SP: a sequence with a segment hidden prefers that segment to another user's.

    An attribute is any item-related field but the id; each association is bilinear, x^T W a.
    Attributes without embeddings (an encoder of ids alone) take part in none.
    """

    def __init__(
        self, encoder: FGBert, config: S3RecConfig, catalog: ItemCatalog, **kwargs: Any
    ) -> None:
        super().__init__(encoder, config, catalog, **kwargs)
        self.item = next(field for field in encoder.fields.item if field.field == "item_id")
        self.attributes = [field for field in encoder.fields.item if field.field != "item_id"]
        names = [f"aap_{field.field}" for field in self.attributes]
        names += [f"map_{field.field}" for field in self.attributes]
        names += ["mip", "sp"]
        bilinear = {}
        for name in names:
            product = keras.layers.Dense(
                encoder.config.dim, use_bias=False, name=f"bilinear_{name}"
            )
            bilinear[name] = product
        self.bilinear = bilinear
        self._logs(*(f"{name}_loss" for name in _WEIGHTS))

    def call(self, batch: Mapping[str, Any], training: bool | None = None) -> tf.Tensor:
        """See Objective; behaviour-related masks are not used."""
        targets = batch["targets"]
        cells = batch[ITEM_MASK]
        real = targets[self.item.name] > 0
        encoded = self.encoder(self._hidden(targets, cells), training=training).output
        ids = self.encoder.embeddings["item_id"](targets[self.item.name])
        self._associate("aap", ids, targets, real & ~cells)
        self._associate("map", encoded, targets, cells)
        other = self.encoder.embeddings["item_id"](self._random_items(targets[self.item.name]))
        self._add("mip", self._prefer("mip", encoded, ids, other), cells)
        self._add("sp", *self._segments(targets, real, training))
        return encoded

    def _segments(
        self, targets: Mapping[str, tf.Tensor], real: tf.Tensor, training: bool | None
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """The loss [B] of segment prediction, and which rows have a segment and something left."""
        inside = random_segments(real)
        whole = self.encoder(self._hidden(targets, inside), training=training).output
        part = self.encoder(keep_cells(targets, inside), training=training).output
        segment = last_real(part, inside)
        # Another user's is the one of the row before. Batches may end in rows of padding, which
        # are no users.
        users = tf.reduce_sum(tf.cast(tf.reduce_any(real, 1), tf.int32))
        before = tf.math.floormod(tf.range(tf.shape(segment)[0]) - 1, tf.maximum(users, 1))
        other = tf.gather(segment, before)
        loss = self._prefer("sp", last_real(whole, real), segment, other)
        return loss, tf.reduce_any(inside, 1)

    def _hidden(self, targets: Mapping[str, tf.Tensor], cells: tf.Tensor) -> dict[str, tf.Tensor]:
        """The history with `cells` hidden whole."""
        hidden = {}
        for field in self.encoder.fields.of("history"):
            hidden[field.name] = hide(targets[field.name], cells, field)
        return hidden

    def _associate(
        self, kind: str, vectors: tf.Tensor, targets: Mapping[str, tf.Tensor], cells: tf.Tensor
    ) -> None:
        """Adds a loss for each field: how badly vectors tell which values their items have.

        It is the mean cross-entropy over the field's values and the vectors in `cells`.
        """
        chosen = tf.boolean_mask(vectors, cells)
        for field in self.attributes:
            table = self.encoder.embeddings[field.field].table[1 : field.size]
            context = self.bilinear[f"{kind}_{field.field}"](chosen)
            logits = tf.matmul(context, tf.cast(table, chosen.dtype), transpose_b=True)
            values = tf.boolean_mask(targets[field.name], cells)
            truth = tf.one_hot(values if field.multivalent else values[:, None], field.size)
            truth = tf.reduce_max(truth, 1)[:, 1:]
            entropy = tf.nn.sigmoid_cross_entropy_with_logits(truth, tf.cast(logits, tf.float32))
            self._add(kind, tf.reduce_mean(entropy, 1), tf.reduce_any(truth > 0, 1))

    def _prefer(
        self, name: str, context: tf.Tensor, right: tf.Tensor, wrong: tf.Tensor
    ) -> tf.Tensor:
        """-log sigmoid(score of the right one - score of the wrong one), over the last axis."""
        context = self.bilinear[name](context)
        return tf.nn.softplus(tf.cast(tf.reduce_sum(context * (wrong - right), -1), tf.float32))

    def _random_items(self, like: tf.Tensor) -> tf.Tensor:
        return tf.random.stateless_uniform(
            tf.shape(like), step_seed(2), 1, self.item.size, like.dtype, alg="philox"
        )

    def _add(self, kind: str, losses: tf.Tensor, weights: tf.Tensor) -> None:
        self.add_loss(_WEIGHTS[kind] * weighted_mean(losses, weights))
        self._log(f"{kind}_loss", losses, tf.cast(weights, tf.float32))
