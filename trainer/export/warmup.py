"""Warm-up requests that TF Serving replays before a new version becomes available."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from preprocessing.features import candidate_inputs, record_features, user_inputs
from serving import contract
from trainer.export.serving_module import ServingModule


def write_warmup(module: ServingModule, signatures: Mapping[str, Any], model_dir: str) -> None:
    """Writes a request for every signature and number of candidates to `assets.extra`.

    Each is run first: a server refuses a version whose warm-up fails, so the export must.
    """
    path = os.path.join(model_dir, contract.WARMUP_FILE)
    tf.io.gfile.makedirs(os.path.dirname(path))
    with tf.io.TFRecordWriter(path) as writer:
        for signature, tensors in _requests(module, signatures):
            signatures[signature](**{name: tf.constant(value) for name, value in tensors.items()})
            writer.write(_prediction_log(signature, tensors).SerializeToString())


def _requests(
    module: ServingModule, signatures: Mapping[str, Any]
) -> list[tuple[str, dict[str, Any]]]:
    """(signature, inputs) pairs about one unknown user, with a history of full length, and unknown items."""
    length = module.spec.history.length
    user = {
        f.name: _plain(f.dtype, (1, length) if f.is_list else (1,))
        for f in user_inputs(module.spec)
    }
    state = signatures[contract.ENCODE_USER](**{k: tf.constant(v) for k, v in user.items()})[
        contract.USER_STATE
    ]
    requests: list[tuple[str, dict[str, Any]]] = [
        (contract.DESCRIBE, {contract.REQUEST: _plain("string", (1,))}),
        (contract.ENCODE_USER, user),
    ]
    fed_by_examples = (contract.SERVING_DEFAULT, contract.ENCODE_USER_EXAMPLES)
    requests += [
        (signature, {contract.EXAMPLES: _examples(module)}) for signature in fed_by_examples
    ]
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
    """The numbers of candidates to warm up for: powers of ten below `most`, and `most`."""
    return [count for count in (10**power for power in range(len(str(most)))) if count < most] + [
        most
    ]


def _plain(dtype: str, shape: tuple[int, ...]) -> np.ndarray:
    value = {"string": b"warm-up", "int64": 0, "float": 0.0}[dtype]
    kind = {"string": object, "int64": np.int64, "float": np.float32}[dtype]
    return np.full(shape, value, kind)


def _examples(module: ServingModule) -> np.ndarray:
    example = tf.train.Example()
    for feature in record_features(module.spec):
        values = getattr(example.features.feature[feature.name], _LISTS[feature.dtype]).value
        values.append(_plain(feature.dtype, ()).item())
    return np.array([example.SerializeToString()], object)


_LISTS = {"string": "bytes_list", "int64": "int64_list", "float": "float_list"}


def _prediction_log(signature: str, tensors: Mapping[str, Any]) -> Any:
    from tensorflow_serving.apis import prediction_log_pb2

    log = prediction_log_pb2.PredictionLog()
    request = log.predict_log.request
    request.model_spec.name = contract.DEFAULT_MODEL_NAME
    request.model_spec.signature_name = signature
    for name, value in tensors.items():
        request.inputs[name].CopyFrom(tf.make_tensor_proto(value))
    return log
