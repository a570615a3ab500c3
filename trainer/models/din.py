"""Deep Interest Network: the history pooled anew for each candidate."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from trainer.config import EncoderConfig
from trainer.fields import Fields
from trainer.layers.folded_din import DinState, FoldedDin
from trainer.models.baseline import Baseline, BaselineState
from trainer.models.din_config import DinConfig
from trainer.models.ranker import Features


class Din(Baseline):
    """DIN (Zhou et al., arXiv 1706.06978, section 4.3).

    A candidate gets the sum of the behaviours, which an attention unit weighs; the weights are not
    normalised. The model's own part of the state is the embedded history.
    """

    def __init__(
        self, fields: Fields, config: DinConfig, encoder_config: EncoderConfig, **kwargs: Any
    ) -> None:
        super().__init__(fields, config, encoder_config, **kwargs)
        self.din = FoldedDin(config.attention_units, name="din")

    def _read(
        self, user: tf.Tensor, history: tf.Tensor, features: Features, training: bool | None
    ) -> tuple[Any, tf.Tensor]:
        return self.din.user_state(history), user

    def _match(
        self, candidates: tf.Tensor, state: BaselineState, features: Features, training: bool | None
    ) -> tf.Tensor:
        own: DinState = state.own
        interest = self.din(self.embed.as_behavior(candidates), own, state.mask)
        return tf.concat([candidates, interest], -1)
