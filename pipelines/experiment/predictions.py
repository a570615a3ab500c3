"""A model's predictions on the raw test records, with what they are sliced by.

There is one row for each candidate.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf

from preprocessing.artifact_files import split_dir
from preprocessing.features import HISTORY_ITEM_ID, USER_ID, label_name
from trainer.slices import POPULARITY, history_slice

Features = Mapping[str, tf.train.Feature]
# Serialised raw records to scores; see the signature of that name.
Evaluate = Callable[[tf.Tensor], dict[str, tf.Tensor]]

_REQUESTS_A_BATCH = 16


def predict(evaluate: Evaluate, tasks: Sequence[str], raw_dir: str) -> dict[str, np.ndarray]:
    """Scores the test split.

    Args:
        evaluate: Of serialised raw records, what the signature of that name gives.
        tasks: Their names.
        raw_dir: The records, a folder for each split.

    Returns:
        [candidates] each: "user", "popularity" (head, middle, tail, unseen), "history" (a bucket),
        "is_new_user" (absent from the training split), and for each task "label_<task>" and
        "score_<task>".
    """
    known = {_text(features, USER_ID) for _, features in _records(raw_dir, "train")}
    columns: dict[str, list[np.ndarray]] = {}
    for batch in _batched(_records(raw_dir, "test"), _REQUESTS_A_BATCH):
        serialized = [record for record, _ in batch]
        requests = [features for _, features in batch]
        scores = evaluate(tf.constant(serialized))
        mask = scores["candidate_mask"].numpy()
        rows = {POPULARITY: scores[POPULARITY].numpy()[mask].astype(str)}
        for task in tasks:
            rows[f"score_{task}"] = scores[task].numpy()[mask]
            rows[label_name(task)] = _labels(requests, task)
        of_request = [_request(features, known) for features in requests]
        candidates = mask.sum(1)
        for name in of_request[0]:
            values_of_requests = [request[name] for request in of_request]
            rows[name] = np.repeat(values_of_requests, candidates)
        for name, values in rows.items():
            columns.setdefault(name, []).append(values)
    return {name: np.concatenate(values) for name, values in columns.items()}


def _request(features: Features, known: set[str]) -> dict[str, str | bool]:
    length = len(features[HISTORY_ITEM_ID].bytes_list.value)
    user = _text(features, USER_ID)
    return {"user": user, "history": history_slice(length), "is_new_user": user not in known}


def _labels(requests: list[Features], task: str) -> np.ndarray:
    name = label_name(task)
    return np.concatenate([np.array(features[name].float_list.value) for features in requests])


def _records(raw_dir: str, split: str) -> Iterator[tuple[bytes, Features]]:
    """Serialised records, and their features."""
    files = sorted(str(path) for path in Path(split_dir(raw_dir, split)).glob("*.gz"))
    for record in tf.data.TFRecordDataset(files, compression_type="GZIP").as_numpy_iterator():
        yield record, tf.train.Example.FromString(record).features.feature


def _batched(
    records: Iterator[tuple[bytes, Features]], size: int
) -> Iterator[list[tuple[bytes, Features]]]:
    batch: list[tuple[bytes, Features]] = []
    for record in records:
        batch.append(record)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch


def _text(features: Features, name: str) -> str:
    return features[name].bytes_list.value[0].decode()
