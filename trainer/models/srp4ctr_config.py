"""The options of SRP4CTR."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import pydantic

from preprocessing.conditions import CountsWith
from preprocessing.config import ConfigError, changed, is_saved
from preprocessing.spec import DatasetSpec
from trainer.models.din_config import DinConfig
from trainer.ranker_config import Units

_WithDin = CountsWith("interest", "din")
_WithEncoder = CountsWith("encoder", "learned", "frozen")
_WithAttention = CountsWith("transfer", "attention")


class Srp4CtrConfig(DinConfig):
    """The base (DIN + MMoE) with what it takes from the encoder.

    Attributes:
        interest: How a candidate reads the history beside the encoder. `din`: DIN's attention unit,
            which takes most of a candidate's operations. `none`: not at all, which leaves it to Uni
            Cross-Attention and match features.
        attention_units: Hidden units of DIN's attention unit.
        cross_projection: Rank of the low-rank feature cross.
        encoder: Whether the pre-trained encoder is trained further, kept, or not used at all (the
            baseline).
        transfer: What the ranker takes from the encoder. `attention`: Uni Cross-Attention and query
            tokens, as the two fields below say. `user_vector`: the mean of the encoder's output, as
            one more feature of the user.
            `embeddings`: the encoder's embeddings of the candidate and, averaged, of the history;
                no layer of it.
        uni_cross_attention: Whether candidates attend to the encoder layer by layer.
        query_tokens: Tokens of the Querying Transformer (the paper's ranker has some); 0 is without
            it, which ranks as well where it was tried, and costs less.
        set_wise: Whether a request's candidates attend to each other. Scores then depend on what
            else is in the request, which must be what was shown: sampled negatives won't do.
    """

    model: str = "srp4ctr"
    interest: Literal["din", "none"] = "none"
    attention_units: Annotated[tuple[Units, Units], _WithDin] = (80, 40)
    cross_projection: int = pydantic.Field(16, ge=1)
    encoder: Literal["learned", "frozen", "none"] = "learned"
    transfer: Annotated[Literal["attention", "user_vector", "embeddings"], _WithEncoder] = (
        "attention"
    )
    uni_cross_attention: Annotated[bool, _WithEncoder, _WithAttention] = True
    query_tokens: Annotated[int, pydantic.Field(ge=0), _WithEncoder, _WithAttention] = 0
    set_wise: bool = False

    @pydantic.model_validator(mode="before")
    @classmethod
    def _read_earlier(cls, values: Any, info: pydantic.ValidationInfo) -> Any:
        """What was saved before `interest` could be chosen had DIN's unit."""
        if is_saved(info) and isinstance(values, Mapping) and "interest" not in values:
            return {**values, "interest": "din"}
        return values

    @property
    def has_encoder(self) -> bool:
        """See RankerConfig."""
        return self.encoder != "none"

    def without_encoder(self) -> Srp4CtrConfig:
        """See RankerConfig: the paper's base, DIN + MMoE."""
        return changed(self, {"encoder": "none", "interest": "din"})

    def check_fits(self, spec: DatasetSpec) -> None:
        """See RankerConfig."""
        super().check_fits(spec)
        if self.set_wise and spec.negatives is not None:
            raise ConfigError(
                "trainer.ranker.set_wise lets the shown candidates of a request see each other; "
                "sampled ones (dataset.negatives) were never shown together. "
                "Set one of the two only"
            )
