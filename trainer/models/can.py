"""Co-Action Network: DIN, and a small network per candidate, applied to behaviours."""

from __future__ import annotations

from typing import Any, NamedTuple

import tensorflow as tf

from trainer.config import EncoderConfig
from trainer.fields import Fields
from trainer.layers.co_action import CoAction
from trainer.layers.field_embedding import FieldEmbedding
from trainer.layers.folded_din import DinState
from trainer.models.baseline import BaselineState
from trainer.models.can_config import CanConfig
from trainer.models.din import Din
from trainer.models.ranker import Features


class CanState(NamedTuple):
    """CAN's own part of the user state.

    Attributes:
        din: DIN's.
        feed: The behaviours' feeds by item field, [B, L, widths[0]] each.
    """

    din: DinState
    feed: dict[str, tf.Tensor]


class Can(Din):
    """CAN (Bian et al., arXiv 2011.05625, section 4) over DIN.

    The paper's base is DIEN, which costs far more per item.

    For each item field, the candidate's value has a micro-MLP and the behaviours' values have
    feeds; both are tables of their own (co-action independence). The state holds the feeds.
    """

    def __init__(
        self, fields: Fields, config: CanConfig, encoder_config: EncoderConfig, **kwargs: Any
    ) -> None:
        super().__init__(fields, config, encoder_config, **kwargs)
        self.co_action = CoAction(config.can.widths, config.can.orders, name="co_action")
        self.induction = self._tables("induction", self.co_action.parameters)
        self.feed = self._tables("feed", config.can.widths[0])

    def _tables(self, kind: str, width: int) -> dict[str, FieldEmbedding]:
        tables = {}
        for field in self.fields.item:
            tables[field.field] = FieldEmbedding.of(field, width, f"{kind}_{field.field}")
        return tables

    def _read(
        self, user: tf.Tensor, history: tf.Tensor, features: Features, training: bool | None
    ) -> tuple[Any, tf.Tensor]:
        din, user_vector = super()._read(user, history, features, training)
        feed = {name: table(features[f"history_{name}"]) for name, table in self.feed.items()}
        return CanState(din, feed), user_vector

    def _match(
        self, candidates: tf.Tensor, state: BaselineState, features: Features, training: bool | None
    ) -> tf.Tensor:
        own: CanState = state.own
        # DIN's `_match` gets its own part, as if this model were DIN.
        parts = [super()._match(candidates, state._replace(own=own.din), features, training)]
        for name, table in self.induction.items():
            parameters = table(features[f"candidate_{name}"])
            parts.append(self.co_action(parameters, own.feed[name], state.mask))
        return tf.concat(parts, -1)
