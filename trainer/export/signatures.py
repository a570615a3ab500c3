"""The signatures of a served ranker, as serving/contract.py names them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

import tensorflow as tf

from preprocessing.features import RecordFeature, candidate_inputs, user_inputs
from serving import contract
from trainer.export.input_checks import checked
from trainer.export.placement import on_host
from trainer.export.serving_module import ServingModule, dtype_of

ConcreteFunction: TypeAlias = tf.types.experimental.ConcreteFunction
Method = Callable[..., dict[str, tf.Tensor]]

EVALUATE = "evaluate"  # for the Evaluator; servers have it, too, but no client calls it


def build_signatures(module: ServingModule) -> dict[str, ConcreteFunction]:
    """The concrete functions by signature name, with named inputs only."""
    user = {feature.name: _spec(feature) for feature in user_inputs(module.spec)}
    candidates = {feature.name: _spec(feature) for feature in candidate_inputs(module.spec)}
    ids = {contract.CANDIDATE_ITEM_ID: candidates[contract.CANDIDATE_ITEM_ID]}
    state = _strings(contract.USER_STATE)
    examples = _strings(contract.EXAMPLES)
    request = _strings(contract.REQUEST)
    functions: dict[str, tuple[Method, dict[str, tf.TensorSpec]]] = {
        contract.ENCODE_USER: (module.encode_user, user),
        contract.SCORE_ITEMS: (module.score_items, state | ids),
        contract.SCORE_ITEMS_WITH_FEATURES: (module.score_items, state | candidates),
        contract.PREDICT: (module.predict, user | candidates),
        contract.SERVING_DEFAULT: (module.serve_examples, examples),
        contract.ENCODE_USER_EXAMPLES: (module.encode_user_examples, examples),
        contract.DESCRIBE: (module.describe, request),
        EVALUATE: (module.evaluate, examples),
    }
    limits = {
        "history": module.description.max_history,
        "candidate": module.description.max_candidates,
    }
    signatures = {}
    for name, (function, specs) in functions.items():
        signatures[name] = _concrete(function, specs, limits)
    return signatures


def _concrete(
    function: Method, specs: Mapping[str, tf.TensorSpec], limits: Mapping[str, int]
) -> ConcreteFunction:
    """`function` traced for inputs of these specs, which are checked first."""

    def call(**raw: tf.Tensor) -> dict[str, tf.Tensor]:
        with on_host():
            sound = checked(raw, limits)
        return function(**sound)

    return tf.function(call, autograph=False).get_concrete_function(**specs)


def _spec(feature: RecordFeature) -> tf.TensorSpec:
    shape = [None, None] if feature.is_list else [None]
    return tf.TensorSpec(shape, dtype_of(feature), name=feature.name)


def _strings(name: str) -> dict[str, tf.TensorSpec]:
    return {name: tf.TensorSpec([None], tf.string, name=name)}
