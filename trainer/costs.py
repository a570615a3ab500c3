"""What a ranker costs: operations a user and an item, parameters, bytes a user state. Measured, not typed in."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras as keras

from preprocessing.config import changed
from trainer.config import TrainerConfig
from trainer.export.example_state import candidate_specs, user_specs, zeros
from trainer.export.state_codec import StateCodec
from trainer.export.state_layout import StoredVector
from trainer.fields import Fields
from trainer.flops import FlopCount, count_flops
from trainer.layers.field_embedding import FieldEmbedding
from trainer.models.ranker import Features, Logits, Ranker, UserState
from trainer.registry import RANKERS, create_ranker

CANDIDATES = (1, 10, 100, 1000)
REFERENCE = "unfolded_din"


@dataclasses.dataclass(frozen=True)
class ModelCost:
    """A ranker's cost with a full history.

    Attributes:
        user: Of `encode_user`, one user.
        items: Of `score_items` for one user, by number of candidates.
        dense_parameters: Weights outside of embedding tables.
        table_parameters: Weights in embedding tables; these depend on the vocabularies.
        state_bytes: One user's state, as `encode_user` returns it.
        state: The vectors that it is made of, in the order of its bytes.
    """

    user: FlopCount
    items: dict[int, FlopCount]
    dense_parameters: int
    table_parameters: int
    state_bytes: int
    state: tuple[StoredVector, ...]

    @property
    def efficiency_flops(self) -> int:
        """For one user and one item (SRP4CTR, section 4)."""
        return self.user.flops + self.items[1].flops

    def inference_flops(self, candidates: int) -> float:
        """An item's share when one user has that many candidates and the user's side is computed once."""
        return (self.user.flops + self.items[candidates].flops) / candidates

    def to_json(self) -> dict[str, Any]:
        """Plain numbers and names."""
        return {
            "user_flops": self.user.flops,
            "item_flops": {str(n): count.flops for n, count in self.items.items()},
            "efficiency_flops": self.efficiency_flops,
            "inference_flops": {str(n): self.inference_flops(n) for n in self.items},
            "uncounted_elements": {"user": self.user.uncounted}
            | {str(n): c.uncounted for n, c in self.items.items()},
            "dense_parameters": self.dense_parameters,
            "table_parameters": self.table_parameters,
            "state_bytes": self.state_bytes,
            "state": [dataclasses.asdict(vector) for vector in self.state],
        }


def compare_costs(fields: Fields, config: TrainerConfig) -> dict[str, ModelCost]:
    """The cost of the configured ranker and of all others of the same size, by name."""
    names = [config.ranker.model, *(name for name in RANKERS if name != config.ranker.model)]
    return {name: measure_cost(fields, _with_model(config, name)) for name in names}


def cost_ratios(costs: dict[str, ModelCost], name: str, candidates: int = 100) -> dict[str, float]:
    """A model's operations over those of the unfolded DIN + MMoE."""
    ours, reference = costs[name], costs[REFERENCE]
    return {
        "inference_flops_ratio": ours.inference_flops(candidates)
        / reference.inference_flops(candidates),
        "efficiency_flops_ratio": ours.efficiency_flops / reference.efficiency_flops,
    }


def measure_cost(fields: Fields, config: TrainerConfig) -> ModelCost:
    """Traces the two functions of `config.ranker.model` at full history length and counts their operations."""
    keras.backend.clear_session()
    ranker = create_ranker(fields, config)
    user = user_specs(fields, fields.history_length)
    ranker(zeros(user | candidate_specs(fields, 1)))

    @tf.function(autograph=False)
    def encode_user(features: Features) -> UserState:
        return ranker.encode_user(features, training=False)

    @tf.function(autograph=False)
    def score_items(state: UserState, features: Features) -> Logits:
        return ranker.score_items(state, features, training=False)

    encode = encode_user.get_concrete_function(user)
    state = tf.nest.map_structure(
        lambda x: tf.TensorSpec(x.shape, x.dtype), encode.structured_outputs
    )
    items = {
        n: count_flops(score_items.get_concrete_function(state, candidate_specs(fields, n)))
        for n in CANDIDATES
    }
    tables = _table_parameters(ranker)
    codec = StateCodec(state, b"", fields.history_length, config.export.state_dtype)
    return ModelCost(
        user=count_flops(encode),
        items=items,
        dense_parameters=ranker.count_params() - tables,
        table_parameters=tables,
        state_bytes=codec.bytes_of(fields.history_length),
        state=codec.layout,
    )


def _with_model(config: TrainerConfig, name: str) -> TrainerConfig:
    return changed(config, {"ranker": {"model": name}})


def _table_parameters(ranker: Ranker) -> int:
    return sum(
        int(np.prod(part.table.shape))
        for part in ranker.submodules
        if isinstance(part, FieldEmbedding)
    )
