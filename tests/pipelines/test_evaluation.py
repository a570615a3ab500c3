"""The Evaluator's pieces against plain NumPy: exploding requests, GAUC, buckets, and the reported figures."""

from __future__ import annotations

import glob
import json
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from tensorflow_model_analysis.api.types import RaggedTensorValue

from pipelines.components.evaluation import explode_candidates, keep_needed
from pipelines.slices import history_bucket
from tests.pipelines.conftest import SmallRun
from trainer.metrics import auc, gauc

pytestmark = pytest.mark.slow


def request(labels: Any, predictions: Any) -> dict[str, Any]:
    features = {"user_id": np.array([b"u"]), "history_length": np.array(["1-9"])}
    return {"labels": labels, "predictions": predictions, "features": features}


def prediction(scores: list[float], present: int) -> dict[str, np.ndarray]:
    return {
        "buy": np.array([scores]),
        "popularity": np.array([[b"head"] * len(scores)]),
        "candidate_mask": np.array([[i < present for i in range(len(scores))]]),
    }


def test_explode_gives_a_row_a_candidate_and_drops_padding() -> None:
    rows = list(
        explode_candidates(
            request({"buy": np.array([1.0, 0.0])}, prediction([0.7, 0.2, 0.0], present=2))
        )
    )
    assert [float(row["labels"]["buy"][0]) for row in rows] == [1.0, 0.0]
    assert [float(row["predictions"]["buy"][0]) for row in rows] == [0.7, 0.2]
    assert (
        rows[0]["features"]["history_length"][0] == "1-9"
        and rows[0]["features"]["user_id"][0] == b"u"
    )


def test_a_batch_keeps_what_is_scored_and_sliced_by() -> None:
    items = np.array([b"a", b"b", b"c"])
    features = {
        "user_age": np.array([[3.0], [4.0], [5.0]]),
        "context_device": np.array([[b"tv"], [b""], [b"pc"]]),
        "history_item_id": RaggedTensorValue(items, [np.array([0, 1, 1, 3])]),
        "candidate_item_id": RaggedTensorValue(items, [np.array([0, 2, 3, 3])]),
    }
    labels = {
        "candidate": {"buy": RaggedTensorValue(np.array([1.0, 0.0, 1.0]), [np.array([0, 2, 3, 3])])}
    }
    kept = keep_needed({"features": features, "labels": labels, "predictions": "as they were"})
    assert set(kept["features"]) == {"user_age", "context_device", "history_length"}
    assert kept["features"]["history_length"].tolist() == ["1-9", "0", "1-9"]
    assert [row.tolist() for row in kept["labels"]["candidate"]["buy"]] == [[1.0, 0.0], [1.0], []]
    equally_long = keep_needed(
        {"features": {"history_item_id": items.reshape(1, 3)}, "labels": {"buy": np.ones((1, 2))}}
    )
    assert equally_long["features"]["history_length"].tolist() == ["1-9"]
    assert [row.tolist() for row in equally_long["labels"]["buy"]] == [[1.0, 1.0]]
    assert kept["predictions"] == "as they were" and "candidate_item_id" in features


def test_explode_follows_a_baseline_model_and_slices_by_the_candidate() -> None:
    baseline = prediction([0.5, 0.5], present=2) | {"popularity": np.array([[b"tail", b"tail"]])}
    predictions = {"candidate": prediction([0.7, 0.2], present=2), "baseline": baseline}
    labels = {name: {"buy": np.array([1.0, 0.0])} for name in predictions}
    rows = list(explode_candidates(request(labels, predictions)))
    assert [row["features"]["popularity"][0] for row in rows] == [b"head", b"head"]
    assert float(rows[1]["predictions"]["baseline"]["buy"][0]) == 0.5
    assert float(rows[1]["labels"]["candidate"]["buy"][0]) == 0.0


def test_padding_is_never_scored() -> None:
    with pytest.raises(ValueError, match="padding"):
        list(
            explode_candidates(
                request({"buy": np.array([1.0, 0.0])}, prediction([0.7, 0.2, 0.1], present=3))
            )
        )


@pytest.mark.parametrize(
    ("length", "bucket"),
    [(0, "0"), (1, "1-9"), (9, "1-9"), (10, "10-49"), (49, "10-49"), (50, "50+"), (999, "50+")],
)
def test_history_buckets(length: int, bucket: str) -> None:
    assert history_bucket(length) == bucket


def test_reported_metrics_equal_numpy_on_the_exported_model(small_run: SmallRun) -> None:
    metrics = json.loads((small_run.config.paths.report / "metrics.json").read_text())
    pattern = f"{small_run.config.paths.artifacts}/BehaviorLogExampleGen/examples/*/Split-test/*"
    records = list(
        tf.data.TFRecordDataset(glob.glob(pattern), compression_type="GZIP").as_numpy_iterator()
    )
    answer = tf.saved_model.load(metrics["serving_model"]).signatures["evaluate"](
        examples=tf.constant(records)
    )
    mask = answer["candidate_mask"].numpy()
    parsed = [tf.train.Example.FromString(record).features.feature for record in records]
    labels = np.concatenate([feature["label_buy"].float_list.value for feature in parsed])
    counts = [len(feature["label_buy"].float_list.value) for feature in parsed]
    users = np.repeat([feature["user_id"].bytes_list.value[0] for feature in parsed], counts)
    scores, popularity = answer["buy"].numpy()[mask], answer["popularity"].numpy()[mask]
    reported = metrics["tasks"]["buy"]
    assert reported["auc"] == pytest.approx(
        auc(labels, scores), abs=5e-3
    )  # TFMA's AUC has 10,000 thresholds, and this model's scores lie close together
    assert reported["gauc"] == pytest.approx(gauc(labels, scores, users), abs=1e-6)
    assert reported["calibration"] == pytest.approx(scores.mean() / labels.mean(), rel=1e-4)
    clipped = np.clip(scores, 1e-7, 1 - 1e-7)
    logloss = -np.mean(labels * np.log(clipped) + (1 - labels) * np.log(1 - clipped))
    assert reported["logloss"] == pytest.approx(logloss, rel=1e-4)
    for value, bucket in reported["slices"]["popularity"].items():
        chosen = popularity == value.encode()
        assert bucket["candidates"] == chosen.sum()
        assert bucket["auc"] == pytest.approx(
            auc(labels[chosen], scores[chosen]), abs=5e-3, nan_ok=True
        )
