"""What a ranker costs: operations per user and per item, parameters, bytes of a user state.

All of it is measured, nothing typed in.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras as keras

from preprocessing.config import changed
from trainer.config import TrainerConfig
from trainer.example_features import absent_features, candidate_specs, user_specs
from trainer.export.state_codec import StateCodec
from trainer.export.state_layout import StoredVector
from trainer.fields import Fields
from trainer.flops import FlopCount, count_flops
from trainer.layers.field_embedding import built_embeddings
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
        """The operations per item of one user with that many candidates.

        The user's side is computed once and shared out among them.
        """
        return (self.user.flops + self.items[candidates].flops) / candidates

    def to_json(self) -> dict[str, Any]:
        """Plain numbers and names."""
        uncounted = {"user": self.user.uncounted}
        for count, of_items in self.items.items():
            uncounted[str(count)] = of_items.uncounted
        return {
            "user_flops": self.user.flops,
            "item_flops": {str(n): count.flops for n, count in self.items.items()},
            "efficiency_flops": self.efficiency_flops,
            "inference_flops": {str(n): self.inference_flops(n) for n in self.items},
            "uncounted_elements": uncounted,
            "dense_parameters": self.dense_parameters,
            "table_parameters": self.table_parameters,
            "state_bytes": self.state_bytes,
            "state": [dataclasses.asdict(vector) for vector in self.state],
        }


def compare_costs(fields: Fields, config: TrainerConfig) -> dict[str, ModelCost]:
    """The cost of the configured ranker and of all others of the same size, by name."""
    others = [name for name in RANKERS if name != config.ranker.model]
    costs: dict[str, ModelCost] = {}
    for name in (config.ranker.model, *others):
        costs[name] = measure_cost(fields, _with_model(config, name))
    return costs


def cost_ratios(costs: dict[str, ModelCost], name: str, candidates: int = 100) -> dict[str, float]:
    """A model's operations over those of the unfolded DIN + MMoE."""
    ours = costs[name]
    reference = costs[REFERENCE]
    inference = ours.inference_flops(candidates) / reference.inference_flops(candidates)
    return {
        "inference_flops_ratio": inference,
        "efficiency_flops_ratio": ours.efficiency_flops / reference.efficiency_flops,
    }


def measure_cost(fields: Fields, config: TrainerConfig) -> ModelCost:
    """Counts the operations of the two functions of `config.ranker.model`.

    Both are traced for one user with a history of full length.
    """
    keras.backend.clear_session()  # as in a process of its own
    ranker = create_ranker(fields, config)
    user = user_specs(fields, fields.history_length)
    ranker(absent_features(fields))

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
    items = {}
    for count in CANDIDATES:
        score = score_items.get_concrete_function(state, candidate_specs(fields, count))
        items[count] = count_flops(score)
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
    return sum(int(np.prod(embedding.table.shape)) for embedding in built_embeddings(ranker))
