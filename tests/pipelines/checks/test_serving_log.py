"""Logged requests become records again: what was padded and batched comes out as it was asked."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow_serving.apis import prediction_log_pb2

from pipelines.checks.serving_log import to_examples
from serving import contract
from tests.testing import parse_records


def prediction_log(signature: str, **inputs: Any) -> bytes:
    log = prediction_log_pb2.PredictionLog()
    log.predict_log.request.model_spec.signature_name = signature
    for name, values in inputs.items():
        log.predict_log.request.inputs[name].CopyFrom(tf.make_tensor_proto(values))
    return log.SerializeToString()


def test_rows_come_out_without_their_padding() -> None:
    log = prediction_log(
        contract.ENCODE_USER,
        user_id=[b"u1", b"u2"],
        timestamp=np.array([5, 6]),
        history_item_id=[[b"i1", b"i2"], [b"i3", b""]],
        history_price=np.array([[1.0, 2.0], [3.0, np.nan]], np.float32),
    )
    assert parse_records(to_examples(log)) == [
        {
            "user_id": ["u1"],
            "timestamp": [5],
            "history_item_id": ["i1", "i2"],
            "history_price": [1.0, 2.0],
        },
        {"user_id": ["u2"], "timestamp": [6], "history_item_id": ["i3"], "history_price": [3.0]},
    ]


def test_states_are_not_features() -> None:
    log = prediction_log(
        contract.SCORE_ITEMS, user_state_bytes=[b"blob"], candidate_item_id=[[b"i1", b"", b"i2"]]
    )
    assert parse_records(to_examples(log)) == [{"candidate_item_id": ["i1", "i2"]}]


def test_examples_pass_alone_and_inside_requests() -> None:
    example = tf.train.Example()
    example.features.feature["user_id"].bytes_list.value.append(b"u1")
    serialised = example.SerializeToString()
    assert list(to_examples(serialised)) == [serialised]
    log = prediction_log(contract.SERVING_DEFAULT, examples=[serialised, serialised])
    assert list(to_examples(log)) == [serialised, serialised]


def test_other_calls_are_no_records() -> None:
    log = prediction_log_pb2.PredictionLog()
    log.session_run_log.request.model_spec.name = "srp4ctr"
    assert list(to_examples(log.SerializeToString())) == []
