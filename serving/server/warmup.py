"""Replays a SavedModel's warm-up requests, so that no user waits for a version's first run."""

from __future__ import annotations

from pathlib import Path

import grpc
import tensorflow as tf
from google.protobuf.message import DecodeError
from tensorflow_serving.apis import prediction_log_pb2

from serving import contract
from serving.server.classify import classify
from serving.server.errors import RequestError, invalid_argument
from serving.server.multi_inference import multi_inference
from serving.server.predict import predict
from serving.server.regress import regress
from serving.server.session import ModelSession
from serving.server_options import RequestLimits

MAX_RECORDS = 1000
_OF_EXAMPLES = {
    "classify_log": classify,
    "regress_log": regress,
    "multi_inference_log": multi_inference,
}


def warm_up(session: ModelSession, model_dir: Path) -> int:
    """Replays the warm-up file of `model_dir`, if it has one.

    Returns:
        The number of records replayed.

    Raises:
        RequestError: A record fails, isn't a PredictionLog, or is one of a session; or there are
            more than MAX_RECORDS.
        tf.errors.OpError: The file can't be read.
    """
    path = model_dir / contract.WARMUP_FILE
    if not path.is_file():
        return 0
    count = 0
    records = tf.data.TFRecordDataset(str(path)).as_numpy_iterator()
    for count, record in enumerate(records, start=1):
        if count > MAX_RECORDS:
            raise invalid_argument(
                f"Number of warmup records exceeds the maximum ({MAX_RECORDS}) at {path}"
            )
        _replay(session, record, path)
    return count


def _replay(session: ModelSession, record: bytes, path: Path) -> None:
    try:
        log = prediction_log_pb2.PredictionLog.FromString(record)
    except DecodeError:
        raise invalid_argument(
            f"Failed to parse warmup record: {record[:100]!r} from {path}"
        ) from None
    kind = log.WhichOneof("log_type")
    if kind == "predict_log":
        predict(session, log.predict_log.request, version=0)
    elif kind in _OF_EXAMPLES:
        _OF_EXAMPLES[kind](session, getattr(log, kind).request, 0, RequestLimits())
    elif kind is not None:
        raise RequestError(
            grpc.StatusCode.UNIMPLEMENTED, f"Unsupported log_type for warmup: {kind} in {path}"
        )
