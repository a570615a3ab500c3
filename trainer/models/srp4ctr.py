"""SRP4CTR: DIN + MMoE with what a pre-trained FG-BERT knows.

The ranker gets at it through Uni Cross-Attention, and through query tokens if it has some.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import tensorflow as tf
import tensorflow_recommenders as tfrs
import tf_keras as keras

from trainer.config import EncoderConfig
from trainer.fields import Fields
from trainer.layers.candidate_attention import CandidateAttention
from trainer.layers.encoder_layer import KeysValues
from trainer.layers.folded_din import DinState, FoldedDin
from trainer.layers.folded_mmoe import MmoeState
from trainer.layers.masked_mean import masked_mean
from trainer.layers.querying_transformer import QueryingTransformer
from trainer.layers.uni_cross_attention import UniCrossAttention
from trainer.models.fg_bert import FGBert
from trainer.models.ranker import Features, Logits, Ranker, mmoe_head
from trainer.models.srp4ctr_config import Srp4CtrConfig


class Srp4CtrState(NamedTuple):
    """SRP4CTR's user state, see UserState.

    Attributes:
        din: The embedded history; () without DIN's attention unit.
        mmoe: The user's share of the head.
        summary: What every candidate's vector has of the user, [B, S].
        uca: Keys and values of each encoder layer; none without Uni Cross-Attention.
        match: See UserState.
        mask: See UserState.
    """

    din: DinState | tuple[()]
    mmoe: MmoeState
    summary: tf.Tensor
    uca: list[KeysValues]
    match: tf.Tensor | tuple[()]
    mask: tf.Tensor


class _FromEncoder(NamedTuple):
    """What the ranker takes from the encoder: features of the user, [B, *] each, and for UCA."""

    features: list[tf.Tensor]
    offered: list[KeysValues]


class Srp4Ctr(Ranker[Srp4CtrState]):
    """The ranker of SRP4CTR, section 3.

    With `config.encoder == "none"` it is its own baseline, DIN + MMoE. With another
    `config.transfer` it is one of the usual ways to use a pre-trained encoder instead.

    A candidate's vector is [its embedding, DIN's interest if any, UCA's output, a summary of the
    user, its numbers and match features, with `config.set_wise` what attention among the candidates
    makes of these], crossed by a low-rank cross layer (TFRS, DCN-v2); a user's is [user and context
    embeddings, query tokens, its numbers].
    """

    config: Srp4CtrConfig

    def __init__(
        self, fields: Fields, config: Srp4CtrConfig, encoder_config: EncoderConfig, **kwargs: Any
    ) -> None:
        super().__init__(fields, config, encoder_config, **kwargs)
        self.user_summary = keras.layers.Dense(config.embedding_dim, name="user_summary")
        self.cross = tfrs.layers.dcn.Cross(projection_dim=config.cross_projection, name="cross")
        self.mmoe = mmoe_head(fields, config)
        self.din: FoldedDin | None = None
        self.among: CandidateAttention | None = None
        self.uca: UniCrossAttention | None = None
        self.qt: QueryingTransformer | None = None
        if config.interest == "din":
            self.din = FoldedDin(config.attention_units, name="din")
        if config.set_wise:
            self.among = CandidateAttention(*encoder_config.attention, name="among")
        if config.encoder != "none":
            self._add_encoder(encoder_config)

    def _add_encoder(self, size: EncoderConfig) -> None:
        self.encoder = FGBert(self.fields, size, name="encoder")
        self.encoder.trainable = self.config.encoder == "learned"
        if self.config.transfer != "attention":
            return
        if self.config.uni_cross_attention:
            self.uca = UniCrossAttention(size.layers, *size.attention, name="uca")
        if self.config.query_tokens:
            self.qt = QueryingTransformer(self.config.query_tokens, *size.attention, name="qt")
        # Query tokens alone read the encoder's output: UCA reads keys and values.
        self.encoder.stack[-1].output_is_used = self.qt is not None

    def encode_user(self, features: Features, training: bool | None = None) -> Srp4CtrState:
        """See Ranker."""
        user = self.embed.user(features)
        mask = features["history_item_id"] > 0
        din = () if self.din is None else self.din.user_state(self.embed.history(features))
        from_encoder = self._encode(features, user, mask, training)
        parts = [self.drop(user, training=training), *from_encoder.features]
        user_vector = self.with_user_numbers(tf.concat(parts, -1), features)
        return Srp4CtrState(
            din=din,
            mmoe=self.mmoe.user_state(user_vector),
            summary=self.user_summary(user_vector),
            uca=from_encoder.offered,
            match=self.match_state(features),
            mask=mask,
        )

    def _encode(
        self, features: Features, user: tf.Tensor, mask: tf.Tensor, training: bool | None
    ) -> _FromEncoder:
        """See Srp4CtrConfig.transfer for what is taken."""
        if self.encoder is None:
            return _FromEncoder([], [])
        if self.config.transfer == "embeddings":
            return _FromEncoder([masked_mean(self.encoder.embed_history(features), mask)], [])
        # A frozen encoder has no dropout either: it gives what it was pre-trained to give.
        frozen = self.config.encoder == "frozen"
        encoded = self.encoder(features, training=False if frozen else training)
        if self.config.transfer == "user_vector":
            return _FromEncoder([masked_mean(encoded.output, encoded.mask)], [])
        offered = [] if self.uca is None else encoded.layers
        if self.qt is None:
            return _FromEncoder([], offered)
        tokens = self.qt(encoded.output, encoded.mask, user, training=training)
        flat = tf.reshape(tokens, [-1, tokens.shape[1] * tokens.shape[2]])
        return _FromEncoder([flat], offered)

    def score_items(
        self, state: Srp4CtrState, features: Features, training: bool | None = None
    ) -> Logits:
        """See Ranker."""
        candidates = self.embed.candidates(features)
        parts = [candidates]
        if self.din is not None:
            parts.append(self.din(self.embed.as_behavior(candidates), state.din, state.mask))
        if self.encoder is not None and self.config.transfer == "embeddings":
            parts.append(self.encoder.embed_candidates(features))
        if self.uca is not None:
            parts.append(self.uca(*self._offered(state, features), training=training))
        # The head sees the user in its own terms, but the cross layer only what is repeated here.
        count = tf.shape(candidates)[1]
        parts.append(tf.repeat(state.summary[:, None], count, axis=1))
        vectors = self.drop(tf.concat(parts, -1), training=training)
        vectors = self.with_numbers(vectors, state, features)
        if self.among is not None:
            attended = self.among(vectors, features["candidate_item_id"] > 0, training=training)
            vectors = tf.concat([vectors, self.drop(attended, training=training)], -1)
        logits = self.mmoe(self._crossed(vectors), state.mmoe, training=training)
        return self.by_task(logits, state, features)

    def _crossed(self, vectors: tf.Tensor) -> tf.Tensor:
        """The feature crosses of candidates' vectors, [B, N, C].

        They are computed on rows of one matrix, in a dozen operations fewer per product.
        """
        rows = tf.reshape(vectors, [-1, vectors.shape[-1]])
        return tf.reshape(self.cross(rows), tf.shape(vectors))

    def attention_weights(self, state: Srp4CtrState, features: Features) -> tf.Tensor | None:
        """See Ranker: UCA's weights."""
        return None if self.uca is None else self.uca.attention(*self._offered(state, features))

    def _offered(
        self, state: Srp4CtrState, features: Features
    ) -> tuple[tf.Tensor, list[KeysValues], tf.Tensor]:
        """What UCA takes.

        These are candidates as behaviours yet to come, each layer's keys and values, and the
        behaviours' mask.
        """
        assert self.encoder is not None
        return self.encoder.embed_candidates(features), state.uca, state.mask

    def start_from_encoder(self) -> None:
        """UCA starts from the encoder's layers."""
        if self.encoder is not None and self.uca is not None:
            self.uca.start_from(self.encoder.stack)
