"""FG-BERT: a bidirectional encoder of behaviours with all their side information."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import tensorflow as tf
import tf_keras as keras

from trainer.config import EncoderConfig
from trainer.fields import Field, Fields
from trainer.layers.dropout import Dropout
from trainer.layers.encoder_layer import EncoderLayer, KeysValues
from trainer.layers.field_embedding import FieldEmbedding
from trainer.layers.layer_norm import LayerNorm

Features = Mapping[str, tf.Tensor]


class Encoded(NamedTuple):
    """An encoded history.

    Attributes:
        output: [B, L, D].
        mask: Which behaviours are real, boolean [B, L].
        layers: The keys and values of each layer, [B, L, D] each.
    """

    output: tf.Tensor
    mask: tf.Tensor
    layers: list[KeysValues]


class FGBert(keras.Model):
    """Fine-grained BERT (SRP4CTR, section 3.2).

    A behaviour is LN(sum of its item's embeddings + sum of its own + its position), the position
    counted back from the most recent behaviour, which is at 1. Position 0 is the candidate's: the
    behaviour that would come next, with its item known and its behaviour-related features hidden,
    as behaviour-related masking shows them.

    Args:
        fields: The data set's fields, of which it reads what `config` says.
        config: Its size.
        embeddings: Another encoder's tables by field, to share; its own by default.

    Example:
        >>> from trainer.example_features import shop_fields
        >>> encoder = FGBert(shop_fields(), EncoderConfig(features="ids", dim=8, layers=1))
        >>> encoded = encoder({"history_item_id": tf.constant([[3, 5, 0]])})
        >>> encoded.output.shape, encoded.mask.numpy().tolist()
        (TensorShape([1, 3, 8]), [[True, True, False]])
    """

    def __init__(
        self,
        fields: Fields,
        config: EncoderConfig,
        embeddings: Mapping[str, FieldEmbedding] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.fields = fields.read_by(config)
        self.config = config
        self.embeddings = embeddings or self._own_embeddings()
        positions = fields.history_length + 1  # one is the candidate's
        self.position = keras.layers.Embedding(positions, config.dim, name="position")
        self.norm = LayerNorm(epsilon=1e-6, name="input_norm")
        self.drop = Dropout(config.dropout)
        self.stack = [
            EncoderLayer(*config.attention, name=f"layer_{i}") for i in range(config.layers)
        ]

    def _own_embeddings(self) -> dict[str, FieldEmbedding]:
        tables = {}
        for field in self.fields.of("history"):
            name = field.field
            tables[name] = FieldEmbedding.of(field, self.config.dim, f"embed_{name}")
        return tables

    def call(self, features: Features, training: bool | None = None) -> Encoded:
        """Encodes the history features, [B, L] or [B, L, V] indices each."""
        mask = features["history_item_id"] > 0  # index 0 pads
        x = self.drop(self.embed_history(features), training=training)
        layers = []
        for layer in self.stack:
            x, offered = layer(x, mask, training=training)
            layers.append(offered)
        return Encoded(x, mask, layers)

    def embed_history(self, features: Features) -> tf.Tensor:
        """Embeds the history features as what the first layer reads: [B, L, D]."""
        position = self.position(self._positions(features["history_item_id"] > 0))
        embedded = [self._embed(field, features[field.name]) for field in self.fields.of("history")]
        return self.norm(tf.add_n([*embedded, position]))

    def embed_candidates(self, features: Features) -> tf.Tensor:
        """Embeds candidates as behaviours yet to come: [B, N, D].

        Args:
            features: Candidates' features, [B, N] or [B, N, V] indices each.
        """
        items = []
        for field in self.fields.item:
            items.append(self._embed(field, features[f"candidate_{field.field}"]))
        embedded = tf.add_n(items)
        for field in self.fields.behavior:
            embedded += self._hidden_behavior(field)
        return self.norm(embedded + self.position(tf.zeros((1, 1), tf.int64)))

    def _embed(self, field: Field, indices: tf.Tensor) -> tf.Tensor:
        return self.embeddings[field.field](indices)

    def _hidden_behavior(self, field: Field) -> tf.Tensor:
        """The embedding [1, 1, D] of a behaviour-related feature that is hidden."""
        embedding = self.embeddings[field.field]
        shape = (1, 1, 1) if field.multivalent else (1, 1)
        return embedding(tf.fill(shape, tf.constant(embedding.mask_index, tf.int64)))

    def _positions(self, mask: tf.Tensor) -> tf.Tensor:
        """Each behaviour's position [B, L], counted back from the most recent one, which is at 1.

        So padding doesn't change it, and a history may be cut at its beginning.
        """
        later = tf.cumsum(tf.cast(mask, tf.int64), axis=1, exclusive=True, reverse=True)
        return tf.minimum(later + 1, self.fields.history_length)
