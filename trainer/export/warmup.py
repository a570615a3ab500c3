"""Warm-up requests that TF Serving replays before a new version becomes available."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from preprocessing.features import candidate_inputs, record_features, user_inputs
from serving import contract
from trainer.export.serving_module import ServingModule

if TYPE_CHECKING:
    from tensorflow_serving.apis.prediction_log_pb2 import PredictionLog

Signatures = Mapping[str, tf.types.experimental.ConcreteFunction]
# Where a tf.train.Feature has its values, by their type.
_LISTS = {"string": "bytes_list", "int64": "int64_list", "float": "float_list"}


def write_warmup(module: ServingModule, signatures: Signatures, model_dir: str) -> None:
    """Writes to `assets.extra` a request for each signature and each number of candidates.

    Each is run first: a server refuses a version whose warm-up fails, so the export must.
    """
    path = os.path.join(model_dir, contract.WARMUP_FILE)
    tf.io.gfile.makedirs(os.path.dirname(path))
    with tf.io.TFRecordWriter(path) as writer:
        for signature, tensors in _requests(module, signatures):
            signatures[signature](**{name: tf.constant(value) for name, value in tensors.items()})
            writer.write(_prediction_log(signature, tensors).SerializeToString())


def _requests(module: ServingModule, signatures: Signatures) -> list[tuple[str, dict[str, Any]]]:
    """(signature, inputs) pairs about one unknown user and unknown items.

    The user's history is of full length.
    """
    user = {}
    for feature in user_inputs(module.spec):
        shape = (1, module.spec.history.length) if feature.is_list else (1,)
        user[feature.name] = _plain(feature.dtype, shape)
    # Scoring needs a state that this very model has made.
    tensors = {name: tf.constant(value) for name, value in user.items()}
    state = signatures[contract.ENCODE_USER](**tensors)[contract.USER_STATE]
    requests: list[tuple[str, dict[str, Any]]] = [
        (contract.DESCRIBE, {contract.REQUEST: _plain("string", (1,))}),
        (contract.ENCODE_USER, user),
    ]
    for signature in (contract.SERVING_DEFAULT, contract.ENCODE_USER_EXAMPLES):
        requests.append((signature, {contract.EXAMPLES: _examples(module)}))
    for count in candidate_buckets(module.description.max_candidates):
        candidates = {f.name: _plain(f.dtype, (1, count)) for f in candidate_inputs(module.spec)}
        ids = {contract.CANDIDATE_ITEM_ID: candidates[contract.CANDIDATE_ITEM_ID]}
        states = {contract.USER_STATE: state.numpy()}
        requests += [
            (contract.SCORE_ITEMS, states | ids),
            (contract.SCORE_ITEMS_WITH_FEATURES, states | candidates),
            (contract.PREDICT, user | candidates),
        ]
    return requests


def candidate_buckets(most: int) -> list[int]:
    """The numbers of candidates to warm up for: powers of ten below `most`, and `most`.

    Example:
        >>> candidate_buckets(250)
        [1, 10, 100, 250]
    """
    counts = []
    count = 1
    while count < most:
        counts.append(count)
        count *= 10
    return [*counts, most]


def _plain(dtype: str, shape: tuple[int, ...]) -> np.ndarray:
    """Values that mean nothing, of the type of a raw feature."""
    value = {"string": b"warm-up", "int64": 0, "float": 0.0}[dtype]
    kind = {"string": object, "int64": np.int64, "float": np.float32}[dtype]
    return np.full(shape, value, kind)


def _examples(module: ServingModule) -> np.ndarray:
    example = tf.train.Example()
    for feature in record_features(module.spec):
        values = getattr(example.features.feature[feature.name], _LISTS[feature.dtype]).value
        values.append(_plain(feature.dtype, ()).item())
    return np.array([example.SerializeToString()], object)


def _prediction_log(signature: str, tensors: Mapping[str, Any]) -> PredictionLog:
    """A request as servers replay it."""
    from tensorflow_serving.apis import prediction_log_pb2

    log = prediction_log_pb2.PredictionLog()
    request = log.predict_log.request
    request.model_spec.name = contract.DEFAULT_MODEL_NAME
    request.model_spec.signature_name = signature
    for name, value in tensors.items():
        request.inputs[name].CopyFrom(tf.make_tensor_proto(value))
    return log
