"""A model with the signatures of serving/contract.py whose scores are easy to work out by hand.

A user's state is the number user_id + age + the number of events in the history; an item's score is
that plus 10 * item id plus its price, as `click`, and half of it as `order`.

To test a real TensorFlow Serving with the same suite:

    python tests/serving/toy_ranker.py /tmp/toy
    tensorflow_model_server --model_name=toy --model_base_path=/tmp/toy --port=8500
    --rest_api_port=8501 TFS_GRPC_ADDRESS=localhost:8500 TFS_REST_ADDRESS=localhost:8501 python -m
    pytest tests/serving
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import tensorflow as tf
from tensorflow_serving.apis import prediction_log_pb2

from serving import contract
from trainer.export.manifest import write_manifest

NAME = "toy"
LONG_MESSAGE = "n must not be negative " + "x" * 2000


def _specs(**specs: tuple[list[None], tf.DType]) -> dict[str, tf.TensorSpec]:
    return {name: tf.TensorSpec(shape, dtype, name=name) for name, (shape, dtype) in specs.items()}


ONE = [None]
MANY = [None, None]
USER = _specs(user_id=(ONE, tf.string), age=(ONE, tf.float32), history_item_id=(MANY, tf.string))
TIMED = _specs(timestamp=(ONE, tf.int64), history_timestamp=(MANY, tf.int64))
IDS = _specs(candidate_item_id=(MANY, tf.string))
FEATURES = IDS | _specs(candidate_price=(MANY, tf.float32), candidate_brand=(MANY, tf.string))
REQUEST = _specs(request=(ONE, tf.string))
DESCRIPTION = contract.Description(
    max_candidates=8000,
    max_history=100,
    history_length=5,
    tasks=("click", "order"),
    state_identity="",
    state_dtype="float32",
    user_inputs=("user_id", "age"),
    context_inputs=(),
    history_inputs=("history_item_id",),
    showing_inputs=("candidate_price",),
)
EXAMPLES = _specs(examples=(ONE, tf.string))
TYPES = _specs(
    half=(ONE, tf.float16),
    double=(ONE, tf.float64),
    int8=(ONE, tf.int8),
    int64=(ONE, tf.int64),
    bool=(ONE, tf.bool),
    string=(ONE, tf.string),
)
Tensors: TypeAlias = dict[str, tf.Tensor]


class ToyRanker(tf.Module):
    """The model; `version` goes into its states, and it refuses those of other versions."""

    def __init__(self, version: int, timed: bool, state_name: str) -> None:
        super().__init__()
        self.state_name = state_name
        self.version = tf.Variable(str(version))
        self.description = dataclasses.replace(
            DESCRIPTION,
            state_identity=f"toy{version}",
            context_inputs=("timestamp",) if timed else (),
            history_inputs=("history_item_id", "history_timestamp")
            if timed
            else ("history_item_id",),
        )

    def encode_user(
        self,
        user_id: tf.Tensor,
        age: tf.Tensor,
        history_item_id: tf.Tensor,
        timestamp: tf.Tensor | None = None,
        history_timestamp: tf.Tensor | None = None,
    ) -> Tensors:
        rows = [tf.shape(user_id)[0], tf.shape(history_item_id)[0]]
        with tf.control_dependencies([tf.debugging.assert_equal(*rows, message="rows must agree")]):
            events = tf.reduce_sum(tf.cast(history_item_id != "", tf.float32), 1)
        value = _number(user_id) + tf.where(tf.math.is_nan(age), 0.0, age) + events
        return {self.state_name: tf.strings.join([self.version, "|", tf.strings.as_string(value)])}

    def score_items(
        self,
        candidate_item_id: tf.Tensor,
        candidate_price: tf.Tensor | None = None,
        candidate_brand: tf.Tensor | None = None,
        **state: tf.Tensor,
    ) -> Tensors:
        parts = tf.strings.split(state[self.state_name], "|")
        version, value = tf.unstack(parts.to_tensor(shape=[None, 2]), axis=1)
        message = "user_state was made by another model version, or is damaged."
        with tf.control_dependencies(
            [tf.debugging.Assert(tf.reduce_all(version == self.version), [message])]
        ):
            scores = _number(value)[:, None] + 10 * _number(candidate_item_id)
        if candidate_price is not None:
            scores += tf.where(tf.math.is_nan(candidate_price), 0.0, candidate_price)
            scores += tf.cast(candidate_brand != "", tf.float32) * 1000
        scores = tf.where(candidate_item_id == "", 0.0, scores)
        return {"click": scores, "order": scores / 2}

    def describe(self, request: tf.Tensor) -> Tensors:
        return {"description": tf.fill(tf.shape(request), self.description.to_json())}

    def predict(self, **features: tf.Tensor) -> Tensors:
        user = {
            name: value for name, value in features.items() if not name.startswith("candidate_")
        }
        candidates = {
            name: value for name, value in features.items() if name.startswith("candidate_")
        }
        return self.score_items(**self.encode_user(**user), **candidates)

    def serving_default(self, examples: tf.Tensor) -> Tensors:
        lists = {
            name: tf.io.RaggedFeature(tf.string)
            for name in ("history_item_id", "candidate_item_id")
        }
        parsed = tf.io.parse_example(
            examples, {"user_id": tf.io.FixedLenFeature([], tf.string)} | lists
        )
        items = parsed["candidate_item_id"].to_tensor()
        absent = tf.fill(tf.shape(parsed["user_id"]), float("nan"))
        state = self.encode_user(parsed["user_id"], absent, parsed["history_item_id"].to_tensor())
        return self.score_items(**state, candidate_item_id=items) | {"candidate_mask": items != ""}

    def types(self, **values: tf.Tensor) -> Tensors:
        return values | {"string_bytes": values["string"], "scalar": tf.size(values["bool"])}

    def countdown(self, n: tf.Tensor) -> Tensors:
        """Counts n[0] down in the graph, which takes a while; refuses negative numbers."""
        with tf.control_dependencies([tf.debugging.assert_non_negative(n, message=LONG_MESSAGE)]):
            return {
                "n": tf.while_loop(
                    lambda i: i[0] > 0, lambda i: [i - 1], [n], parallel_iterations=1
                )[0]
            }


def _number(text: tf.Tensor) -> tf.Tensor:
    return tf.strings.to_number(tf.where(text == "", "0", text))


def save(
    base_path: Path,
    version: int,
    timed: bool = False,
    warmup_user_ids: tuple[str, ...] = (),
    state_name: str = contract.USER_STATE,
) -> Path:
    """Saves a version.

    With `timed`, users also need timestamps. A warm-up user id that is no number fails.
    """
    model = ToyRanker(version, timed, state_name)
    state = _specs(**{state_name: (ONE, tf.string)})
    user = USER | TIMED if timed else USER
    examples = (
        {} if timed else {contract.SERVING_DEFAULT: _function(model.serving_default, EXAMPLES)}
    )
    signatures = {
        contract.ENCODE_USER: _function(model.encode_user, user),
        contract.SCORE_ITEMS: _function(model.score_items, state | IDS),
        contract.SCORE_ITEMS_WITH_FEATURES: _function(model.score_items, state | FEATURES),
        contract.PREDICT: _function(model.predict, user | FEATURES),
        contract.DESCRIBE: _function(model.describe, REQUEST),
        "types": _function(model.types, TYPES),
        "countdown": _function(model.countdown, _specs(n=(ONE, tf.int64))),
    }
    path = base_path / str(version)
    tf.saved_model.save(model, str(path), signatures=signatures | examples)
    write_manifest(str(path))
    if warmup_user_ids:
        write_warmup(path, [warmup_log(user_id) for user_id in warmup_user_ids])
    return path


def warmup_log(user_id: str) -> prediction_log_pb2.PredictionLog:
    """A record that encodes a user."""
    log = prediction_log_pb2.PredictionLog()
    log.predict_log.request.model_spec.signature_name = contract.ENCODE_USER
    user = {"user_id": [user_id], "age": np.array([1], np.float32), "history_item_id": [["1"]]}
    for name, value in user.items():
        log.predict_log.request.inputs[name].CopyFrom(tf.make_tensor_proto(value))
    return log


def write_warmup(path: Path, logs: list[prediction_log_pb2.PredictionLog]) -> None:
    """Writes the warm-up file of a saved version."""
    file = path / contract.WARMUP_FILE
    file.parent.mkdir(exist_ok=True)
    with tf.io.TFRecordWriter(str(file)) as writer:
        for log in logs:
            writer.write(log.SerializeToString())
    write_manifest(str(path))


def _function(method: Callable[..., Tensors], specs: dict[str, tf.TensorSpec]) -> Any:
    return tf.function(lambda **inputs: method(**inputs), autograph=False).get_concrete_function(
        **specs
    )


if __name__ == "__main__":
    save(Path(sys.argv[1]), 1)
