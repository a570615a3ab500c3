"""Logged serving requests as records.

tf.Examples are taken as they are, TF Serving's PredictionLogs row by row.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import tensorflow as tf
from google.protobuf.message import DecodeError
from tensorflow_serving.apis import prediction_log_pb2

from preprocessing.features import CANDIDATE_ITEM_ID, HISTORY_ITEM_ID
from serving.contract import EXAMPLES, state_name


def to_examples(record: bytes) -> Iterator[bytes]:
    """The serialised tf.Examples of one logged record; none for calls that are not predictions.

    A request with dense tensors gives an example for each row. What only pads its lists, "" items,
    is dropped. A call has the features of its signature: users and histories come from
    `encode_user`, candidates from `score_items`.
    """
    log = _prediction_log(record)
    if log is None:
        yield record
    elif log.HasField("predict_log"):
        tensors = log.predict_log.request.inputs
        inputs = {name: tf.make_ndarray(tensor) for name, tensor in tensors.items()}
        if EXAMPLES in inputs:
            yield from inputs[EXAMPLES].ravel().tolist()
        else:
            inputs.pop(state_name(inputs), None)  # a user's state is no feature
            yield from _rows(inputs)


def _prediction_log(record: bytes) -> prediction_log_pb2.PredictionLog | None:
    """The record as a PredictionLog.

    None if it is a tf.Example, whose fields make no PredictionLog.
    """
    try:
        log = prediction_log_pb2.PredictionLog.FromString(record)
    except DecodeError:
        return None
    return log if log.WhichOneof("log_type") else None


def _rows(inputs: dict[str, np.ndarray]) -> Iterator[bytes]:
    """A serialised tf.Example of each request of a batch."""
    sizes = [len(values) for values in inputs.values()]
    for row in range(max(sizes, default=0)):
        example = tf.train.Example()
        for name, values in inputs.items():
            ids = inputs.get(HISTORY_ITEM_ID if name.startswith("history_") else CANDIDATE_ITEM_ID)
            value = values[row : row + 1].ravel()
            # Lists are padded to the longest of the request.
            if values.ndim > 1 and ids is not None:
                value = value[ids[row] != b""]
            example.features.feature[name].CopyFrom(_feature(value))
        yield example.SerializeToString()


def _feature(values: np.ndarray) -> tf.train.Feature:
    if values.dtype.kind == "O":
        return tf.train.Feature(bytes_list=tf.train.BytesList(value=values.tolist()))
    if values.dtype.kind == "f":
        return tf.train.Feature(float_list=tf.train.FloatList(value=values.tolist()))
    return tf.train.Feature(int64_list=tf.train.Int64List(value=values.tolist()))
