"""Deep Interest Network: the history pooled anew for each candidate."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from trainer.config import EncoderConfig
from trainer.fields import Fields
from trainer.layers.folded_din import DinState, FoldedDin
from trainer.models.baseline import Baseline
from trainer.models.din_config import DinConfig
from trainer.models.ranker import Features, UserState


class Din(Baseline):
    """DIN (Zhou et al., arXiv 1706.06978, section 4.3): sum of behaviours weighed by an attention unit, unnormalised.

    The state is the embedded history and its term of the attention unit's first layer, exactly
    folded.
    """

    def __init__(
        self, fields: Fields, config: DinConfig, encoder_config: EncoderConfig, **kwargs: Any
    ) -> None:
        super().__init__(fields, config, encoder_config, **kwargs)
        self.din = FoldedDin(config.attention_units, name="din")

    def _read(
        self, user: tf.Tensor, history: tf.Tensor, features: Features, training: bool | None
    ) -> tuple[dict[str, Any], tf.Tensor]:
        return {"din": self.din.user_state(history)._asdict()}, user

    def _match(
        self, candidates: tf.Tensor, state: UserState, features: Features, training: bool | None
    ) -> tf.Tensor:
        interest = self.din(
            self.embed.as_behavior(candidates), DinState(**state["din"]), state["mask"]
        )
        return tf.concat([candidates, interest], -1)
