"""The Evaluator's pieces: candidates in groups, and their metrics against TFMA's and NumPy's."""

from __future__ import annotations

import glob
import itertools
import json
import pickle
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pytest
import tensorflow as tf
import tensorflow_model_analysis as tfma
from tensorflow_model_analysis.api.types import RaggedTensorValue
from tensorflow_model_analysis.metrics import metric_types
from tensorflow_model_analysis.proto import config_pb2
from tensorflow_model_analysis.utils import model_util

from pipelines.components import candidate_groups
from pipelines.components.candidate_groups import GroupCandidates, group_candidates
from pipelines.components.candidate_metrics import USER, CandidateMetrics
from pipelines.components.evaluation import eval_config
from pipelines.components.request_batches import REQUESTS, like_requests, name_examples
from pipelines.metrics import METRICS
from tests.pipelines.conftest import SmallRun
from trainer.metrics import auc, gauc
from trainer.slices import history_slice

pytestmark = pytest.mark.slow


Lists = list[list[float]]
UNDEFINED = float("nan")


def ragged(lists: list[list[Any]]) -> RaggedTensorValue:
    """As TFMA has a batch's lists."""
    values = np.array(list(itertools.chain(*lists)))
    return RaggedTensorValue(values, [np.cumsum([0, *map(len, lists)])])


def prediction(
    scores: Lists, popularity: list[list[bytes]], padding: int = 1
) -> dict[str, np.ndarray]:
    """As the signature `evaluate` gives them."""
    width = max(map(len, scores)) + padding
    return {
        "buy": np.array([row + [0.0] * (width - len(row)) for row in scores], np.float32),
        "popularity": np.array([row + [b"tail"] * (width - len(row)) for row in popularity]),
        "candidate_mask": np.arange(width) < np.array([[len(row)] for row in scores]),
    }


def batch(labels: Any, predictions: Any) -> dict[str, Any]:
    """Three requests of two users."""
    features = {
        "user_id": np.array([[b"u"], [b"v"], [b"u"]]),
        "user_interests": ragged([[b"x", b"y"], [], [b"x", b"y"]]),
        "history_item_id": ragged([[b"a"], [], [b"a", b"b"]]),
        "candidate_item_id": ragged([[b"a", b"b"], [b"b"], [b"c", b"a"]]),
    }
    return {"features": features, "labels": labels, "predictions": predictions}


LABELS = [[1.0, 0.0], [1.0], [0.0, 1.0]]
SCORES = [[0.7, 0.2], [0.5], [0.9, 0.3]]
POPULARITY = [[b"head", b"tail"], [b"head"], [b"head", b"head"]]
SLICED_BY = ["history_length", "popularity", "user_interests"]


def groups_of(labels: Any, predictions: Any) -> list[dict[str, Any]]:
    return list(group_candidates(batch(labels, predictions), SLICED_BY))


def test_candidates_of_the_same_slices_are_together_without_padding() -> None:
    groups = groups_of({"buy": ragged(LABELS)}, prediction(SCORES, POPULARITY))
    found: dict[tuple[Any, ...], tuple[list[float], list[float]]] = {}
    for group in groups:
        place: list[Any] = []
        for name in ("history_length", "popularity", "user_interests"):
            place += group["features"][name].tolist()
        labels = group["labels"]["buy"].tolist()
        found[tuple(place)] = (labels, group["predictions"]["buy"].round(3).tolist())
    assert found == {  # type: ignore[comparison-overlap]
        ("1-9", b"head", b"x", b"y"): ([1.0, 0.0, 1.0], pytest.approx([0.7, 0.9, 0.3])),
        ("1-9", b"tail", b"x", b"y"): ([0.0], pytest.approx([0.2])),
        ("0", b"head"): ([1.0], pytest.approx([0.5])),
    }
    users = set()
    for group in groups:
        if len(group["labels"]["buy"]) > 1:
            users.update(group["features"][USER].tolist())
    assert len(users) == 1


def test_equally_long_lists_are_no_ragged_ones() -> None:
    extracts = batch(
        {"buy": np.array([[1.0], [0.0], [1.0]])},
        prediction([[0.1], [0.2], [0.3]], [[b"tail"]] * 3, 0),
    )
    extracts["features"]["history_item_id"] = np.array([[b"a"], [b"b"], [b"c"]])
    groups = list(group_candidates(extracts, ["history_length", "popularity"]))
    assert [group["labels"]["buy"].tolist() for group in groups] == [[1.0, 0.0, 1.0]]


def test_a_baseline_model_is_sliced_by_the_candidate_models_popularity() -> None:
    baseline = prediction(
        [[0.5, 0.5], [0.5], [0.5, 0.6]], [[b"tail", b"tail"], [b"tail"], [b"tail", b"tail"]]
    )
    predictions = {"candidate": prediction(SCORES, POPULARITY), "baseline": baseline}
    groups = groups_of({name: {"buy": ragged(LABELS)} for name in predictions}, predictions)
    largest = max(groups, key=lambda group: len(group["labels"]["candidate"]["buy"]))
    assert largest["features"]["popularity"].tolist() == [b"head"]
    assert largest["predictions"]["baseline"]["buy"].tolist() == pytest.approx([0.5, 0.5, 0.6])
    assert largest["labels"]["baseline"]["buy"].tolist() == [1.0, 0.0, 1.0]


def test_padding_is_never_scored() -> None:
    with pytest.raises(ValueError, match="padding"):
        groups_of(
            {"buy": ragged(LABELS)},
            prediction([*SCORES[:2], [0.9, 0.3, 0.1]], [*POPULARITY[:2], [b"tail"] * 3]),
        )


@pytest.mark.parametrize("held", [100, 7, 1])
def test_batches_are_grouped_together_as_far_as_they_can_be_held(
    held: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(candidate_groups, "HELD", held)
    scores = prediction(SCORES, POPULARITY)
    baseline = prediction([[0.5, 0.6], [0.7], [0.8, 0.9]], POPULARITY)
    extracts = batch(
        {name: {"buy": ragged(LABELS)} for name in ("candidate", "baseline")},
        {"candidate": scores, "baseline": baseline},
    )
    grouping = GroupCandidates(SLICED_BY)
    grouping.start_bundle()
    groups: list[dict[str, Any]] = []
    for _ in range(3):
        groups += grouping.process(extracts)
    groups += [element.value for element in grouping.finish_bundle()]
    assert not list(grouping.finish_bundle())
    # Five candidates a batch, in three groups.
    assert len(groups) == {100: 3, 7: 6, 1: 9}[held]
    rows = []
    for group in groups:
        slices = (
            group["features"]["history_length"].item(),
            group["features"]["popularity"].item(),
        )
        columns = [group["features"][USER]]
        for name in ("candidate", "baseline"):
            columns += [group["labels"][name]["buy"], group["predictions"][name]["buy"]]
        rows += [(*slices, *row) for row in zip(*columns, strict=True)]
    alone = []
    for group in group_candidates(extracts, SLICED_BY):
        alone += [len(group["labels"]["candidate"]["buy"])]
    assert len(rows) == 3 * sum(alone)
    assert {rows.count(row) for row in rows} == {3}


TFMA_METRICS = (
    "AUC",
    "ExampleCount",
    "MeanLabel",
    "MeanPrediction",
    "Calibration",
    "BinaryCrossEntropy",
)


def test_metrics_of_groups_are_those_that_tfma_has_of_single_candidates(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    labels = [rng.integers(0, 2, 40).astype(float).tolist() for _ in range(3)]
    scores = [np.round(rng.random(40), 3).tolist() for _ in range(3)]
    popularity = [rng.choice([b"head", b"tail"], 40).tolist() for _ in range(3)]
    groups = groups_of({"buy": ragged(labels)}, prediction(scores, popularity))
    ours = eval_config(["buy"], ["user_interests"], min_auc=None, max_auc_drop=0.0)
    theirs = config_pb2.EvalConfig()
    theirs.CopyFrom(ours)
    theirs.ClearField("metrics_specs")
    metrics = [config_pb2.MetricConfig(class_name=name) for name in TFMA_METRICS]
    plot = config_pb2.MetricConfig(class_name="CalibrationPlot", config='{"num_buckets": 10}')
    theirs.metrics_specs.add(output_names=["buy"], metrics=[*metrics, plot])

    found = evaluated(groups, ours, tmp_path / "ours")
    expected = evaluated(list(one_by_one(groups)), theirs, tmp_path / "theirs")

    assert set(found) == set(expected) and len(found) == 8
    for where in set(expected) - {"refused"}:
        values = expected[where]["", "buy"]
        values["logloss"] = values.pop("binary_crossentropy")
        same = {name: found[where]["", "buy"][name] for name in values}
        assert same.pop("calibration_plot") == pytest.approx(values.pop("calibration_plot")), where
        assert same == pytest.approx(values, abs=1e-6), where
    label_rows = np.concatenate([group["labels"]["buy"] for group in groups])
    score_rows = np.concatenate([group["predictions"]["buy"] for group in groups])
    user_rows = np.concatenate([group["features"][USER] for group in groups])
    for key, metric in METRICS.items():
        expected_value = metric.of_rows(label_rows, score_rows, user_rows)
        assert found[()]["", "buy"][key] == pytest.approx(expected_value, abs=1e-6), key


def test_a_candidate_is_kept_in_few_bytes() -> None:
    """An evaluation's memory is 5 bytes a candidate and 12 a run of one user's."""
    metric = CandidateMetrics(["auc", "gauc"], calibration_buckets=10)
    (computation,) = metric.computations(
        eval_config=eval_config(["buy"], [], min_auc=None, max_auc_drop=0.0),
        output_names=["buy"],
    )
    combiner = computation.combiner
    group = {
        "features": {USER: np.repeat(np.arange(100, dtype=np.uint64), 10)},
        "labels": {"buy": np.tile([1.0, 0.0], 500)},
        "predictions": {"buy": np.linspace(0, 1, 1000, dtype=np.float32)},
    }
    kept = combiner.create_accumulator()
    for _ in range(3):
        kept = combiner.add_input(kept, metric_types.StandardMetricInputs(group))
    (columns,) = combiner.compact(kept)
    assert sum(column.nbytes for column in columns.values()) == 3 * (1000 * 5 + 100 * 12)


def test_the_bars_of_the_auc_are_held_against_all_candidates(tmp_path: Path) -> None:
    labels = {task: [1.0, 1.0, 0.0, 0.0] for task in ("good", "beaten", "low")}
    labels["alike"] = [1.0] * 4
    right = [0.9, 0.8, 0.2, 0.1]
    candidate = {"good": right, "beaten": [0.9, 0.15, 0.2, 0.1], "low": [0.1, 0.9, 0.5, 0.6]}
    baseline = candidate | {"beaten": right}
    models = {"candidate": candidate, "baseline": baseline}
    config = tfma.utils.update_eval_config_with_defaults(
        eval_config(list(labels), [], min_auc=0.6, max_auc_drop=0.01), has_baseline=True
    )
    group: dict[str, dict[str, Any]] = {
        "features": {
            "history_length": np.array(["0"]),
            "popularity": np.array([b"head"]),
            USER: np.arange(4),
        },
        "labels": {},
        "predictions": {},
    }
    for model, scores in models.items():
        predicted = {task: np.array(scores.get(task, right), np.float32) for task in labels}
        group["predictions"][model] = predicted
        group["labels"][model] = {task: np.array(of_task) for task, of_task in labels.items()}

    found = evaluated([group], config, tmp_path / "found")

    aucs = {task: found[()]["candidate", task]["auc"] for task in labels}
    assert aucs == pytest.approx(
        {"good": 1.0, "beaten": 0.75, "low": 0.5, "alike": UNDEFINED}, nan_ok=True
    )
    assert found["refused"] == {
        ("beaten", "change"),
        ("low", "value"),
        ("alike", "value"),
        ("alike", "change"),
    }


def test_a_model_isnt_loaded_to_see_its_type() -> None:
    config = eval_config(["buy"], [], min_auc=None, max_auc_drop=0.0)
    with mock.patch.object(tf.keras.models, "load_model") as load:
        model = tfma.default_eval_shared_model("somewhere", eval_config=config)
    assert model.model_type == "tf_generic" and not load.called


def test_requests_are_scored_in_small_batches_of_like_histories() -> None:
    items = [["a"] * (number % 7) or None for number in range(REQUESTS + 10)]
    batch = pa.RecordBatch.from_arrays(
        [
            pa.array(items, pa.large_list(pa.string())),
            pa.array([[number] for number in range(len(items))], pa.large_list(pa.int64())),
            pa.array([None] * len(items), pa.large_list(pa.int64())),
        ],
        ["history_item_id", "number", "unused"],
    )
    key = tfma.constants.ARROW_RECORD_BATCH_KEY
    batches = [found[key] for found in like_requests({key: batch}, ["number"])]
    assert [smaller.num_rows for smaller in batches] == [REQUESTS, 10]
    assert all(smaller.schema.names == ["number"] for smaller in batches)
    # TFMA reads the values below the lists, whose offsets a slice would leave out.
    assert [len(smaller.column("number").values) for smaller in batches] == [REQUESTS, 10]
    numbers: list[int] = []
    for smaller in batches:
        numbers += itertools.chain(*smaller.to_pydict()["number"])
    assert numbers == sorted(range(len(items)), key=lambda number: number % 7)


def test_the_signature_is_called_by_its_inputs_name() -> None:
    records = np.array([[b"one"], [b"two"]])
    extracts: dict[str, Any] = {
        "input": records,
        "features": {"user_id": np.array([[b"u"], [b"v"]])},
    }
    features = name_examples(extracts)["features"]
    asked = {"examples": tf.TensorSpec([None], tf.string)}
    inputs = model_util.get_inputs(features, asked)
    assert inputs is not None and list(inputs) == ["examples"]
    assert inputs["examples"].numpy().tolist() == [b"one", b"two"]
    assert list(extracts["features"]) == ["user_id"]  # Beam's elements are not to be changed


def one_by_one(groups: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for group in groups:
        for i in range(len(group["labels"]["buy"])):
            kinds = ("labels", "predictions")
            yield {kind: {"buy": group[kind]["buy"][i : i + 1]} for kind in kinds} | {
                "features": group["features"]
            }


def evaluated(
    extracts: list[dict[str, Any]], config: config_pb2.EvalConfig, folder: Path
) -> dict[Any, Any]:
    """Values by slice, model and task, and name, and what is refused: tasks and kinds of bars."""
    folder.mkdir()
    evaluator = tfma.evaluators.MetricsPlotsAndValidationsEvaluator(eval_config=config)
    with beam.Pipeline("FnApiRunner") as pipeline:
        sliced = (
            pipeline
            | beam.Create(extracts)
            | tfma.extractors.SliceKeyExtractor(eval_config=config).ptransform
        )
        outputs = sliced | evaluator.ptransform
        for kind in ("metrics", "plots"):
            _ = outputs[kind] | kind >> beam.Map(_keep_values, str(folder))
        if "validations" in outputs:
            _ = outputs["validations"] | beam.Map(_keep_refusals, str(folder))
    found: dict[Any, Any] = {"refused": set()}
    for path in folder.iterdir():
        key, value = pickle.loads(path.read_bytes())
        if key == "refused":
            found[key] |= value
            continue
        where, of_task, name = key
        found.setdefault(where, {}).setdefault(of_task, {})[name] = value
    return found


def _keep_values(element: tuple[Any, dict[Any, Any]], folder: str) -> None:
    where, values = element
    for key, value in values.items():
        if not key.is_diff:
            plain = _buckets(value) if hasattr(value, "buckets") else float(value)
            _keep(((where, (key.model_name, key.output_name), key.name), plain), folder)


def _buckets(plot: Any) -> list[float]:
    numbers = []
    for bucket in plot.buckets:
        numbers.append(bucket.lower_threshold_inclusive)
        numbers.append(bucket.num_weighted_examples.value)
        numbers.append(bucket.total_weighted_label.value)
        numbers.append(bucket.total_weighted_refined_prediction.value)
    return numbers


def _keep_refusals(result: Any, folder: str) -> None:
    refused = set()
    for of_slice in result.metric_validations_per_slice:
        for failure in of_slice.failures:
            by_value = failure.metric_threshold.HasField("value_threshold")
            kind = "value" if by_value else "change"
            refused.add((failure.metric_key.output_name, kind))
    _keep(("refused", refused), folder)


def _keep(found: Any, folder: str) -> None:
    Path(folder, uuid.uuid4().hex).write_bytes(pickle.dumps(found))


@pytest.mark.parametrize(
    ("length", "bucket"),
    [(0, "0"), (1, "1-9"), (9, "1-9"), (10, "10-49"), (49, "10-49"), (50, "50+"), (999, "50+")],
)
def test_history_slices(length: int, bucket: str) -> None:
    assert history_slice(length) == bucket


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
    scores = answer["buy"].numpy()[mask]
    popularity = answer["popularity"].numpy()[mask]
    reported = metrics["tasks"]["buy"]
    assert reported["auc"] == pytest.approx(auc(labels, scores), abs=1e-6)
    assert reported["gauc"] == pytest.approx(gauc(labels, scores, users), abs=1e-6)
    assert reported["calibration"] == pytest.approx(scores.mean() / labels.mean(), rel=1e-5)
    clipped = np.clip(scores, 1e-7, 1 - 1e-7)
    logloss = -np.mean(labels * np.log(clipped) + (1 - labels) * np.log(1 - clipped))
    assert reported["logloss"] == pytest.approx(logloss, rel=1e-5)
    for value, bucket in reported["slices"]["popularity"].items():
        chosen = popularity == value.encode()
        assert bucket["candidates"] == chosen.sum()
        assert bucket["auc"] == pytest.approx(
            auc(labels[chosen], scores[chosen]), abs=1e-6, nan_ok=True
        )
