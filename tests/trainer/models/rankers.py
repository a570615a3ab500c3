"""Small rankers with random weights, for the tests of models."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras as keras

from tests.testing_trainer import random_features
from tests.trainer.layers.harness import randomise
from trainer.config import TrainerConfig
from trainer.fields import Fields
from trainer.models.ranker import Ranker
from trainer.registry import RANKERS, create_ranker

LENGTHS = (4, 2, 0, 1)
ENCODER = {"dim": 8, "heads": 2, "layers": 2, "feedforward": 16}
SMALL = {"embedding_dim": 4, "experts": 2, "expert_units": (8, 4), "tower_units": 4}
SMALL_OWN: dict[str, dict[str, Any]] = {
    "din": {"attention_units": (8, 4)},
    "unfolded_din": {"attention_units": (8, 4)},
    "bst": {"bst": {"heads": 2, "feedforward": 16}},
    "can": {"attention_units": (8, 4), "can": {"widths": (3, 4, 2), "orders": 2}},
}
WITH_DIN = {"interest": "din", "attention_units": (8, 4)}
WITH_TOKENS = {"query_tokens": 4}
VARIANTS: dict[str, dict[str, Any]] = {
    "learned": WITH_DIN | WITH_TOKENS,
    "frozen": {"encoder": "frozen"} | WITH_TOKENS,
    "baseline": {"encoder": "none"} | WITH_DIN,
    "without UCA": {"uni_cross_attention": False} | WITH_TOKENS,
    "UCA alone": {},
    "without either": {"uni_cross_attention": False},
    "user vector": {"transfer": "user_vector"},
    "frozen user vector": {"transfer": "user_vector", "encoder": "frozen"},
    "embeddings": {"transfer": "embeddings"},
    "set-wise": {"set_wise": True},
    **{name: {"model": name} for name in RANKERS if name != "srp4ctr"},
}


def small(**changes: Any) -> dict[str, Any]:
    """The options of a small ranker."""
    own = SMALL_OWN.get(changes.get("model", "srp4ctr"), {})
    return SMALL | own | changes


def built(fields: Fields, **changes: Any) -> Ranker:
    """A ranker with random weights, biases and norms too."""
    keras.utils.set_random_seed(1)
    config = TrainerConfig.model_validate({"encoder": ENCODER, "ranker": small(**changes)})
    ranker = create_ranker(fields, config)
    ranker(random_features(fields, LENGTHS))
    randomise(ranker)
    return ranker


def scores(ranker: Ranker, features: dict[str, tf.Tensor]) -> np.ndarray:
    """Logits [B, N, T]."""
    return np.stack(list(ranker(features).values()), -1)


def graph_scores(ranker: Ranker, features: dict[str, tf.Tensor]) -> np.ndarray:
    """Logits [B, N, T] of the ranker as a graph of unknown lengths, as it is exported.

    Recurrent models loop there, and unroll where lengths are known.
    """
    specs = tuple((name, _any_length(name, x)) for name, x in features.items())
    return np.stack(list(_graph(ranker, specs)(features).values()), -1)


@functools.cache
def _graph(ranker: Ranker, specs: tuple[tuple[str, tf.TensorSpec], ...]) -> Any:
    return tf.function(ranker, autograph=False).get_concrete_function(dict(specs))


def _any_length(name: str, x: tf.Tensor) -> tf.TensorSpec:
    free = 2 if name.startswith(("history_", "candidate_")) else 1
    return tf.TensorSpec([None] * free + x.shape.as_list()[free:], x.dtype)


def pick(features: dict[str, tf.Tensor], side: str, places: list[int]) -> dict[str, tf.Tensor]:
    """`features` with only some places of one side's second axis."""
    picked = dict(features)
    for name, values in features.items():
        if name.startswith(side):
            picked[name] = tf.gather(values, places, axis=1)
    return picked


def fit_step(ranker: Ranker, features: dict[str, tf.Tensor], rate: float = 10.0) -> None:
    """One step of gradient descent towards arbitrary labels."""
    ranker.compile(keras.optimizers.SGD(rate), run_eagerly=True)
    count = features["candidate_item_id"].shape
    odd = tf.cast(features["candidate_item_id"] % 2, tf.float32)
    labels = dict.fromkeys(ranker.fields.tasks, odd)
    weights = dict.fromkeys(ranker.fields.tasks, tf.ones(count))
    ranker.fit(tf.data.Dataset.from_tensors((features, labels, weights)), verbose=0)
