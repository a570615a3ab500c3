"""What the Evaluator computes, and how it sees one row a candidate instead of one a request."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import apache_beam as beam
import numpy as np
import tensorflow_model_analysis as tfma
from tensorflow_model_analysis.api.types import RaggedTensorValue
from tensorflow_model_analysis.extractors import extractor
from tensorflow_model_analysis.proto import config_pb2

from pipelines.metrics import METRICS
from pipelines.slices import history_bucket
from preprocessing.features import HISTORY_ITEM_ID, USER_ID, label_name
from trainer.export.signatures import EVALUATE

POPULARITY = "popularity"
HISTORY_LENGTH = "history_length"
CALIBRATION_BUCKETS = 10
_GAUC_MODULE = "pipelines.components.gauc"
_OF_SLICES = ("ExampleCount", "MeanLabel", "MeanPrediction")  # what else TFMA counts in every slice


def eval_config(
    tasks: list[str], slices: list[str], min_auc: float | None, max_auc_drop: float
) -> config_pb2.EvalConfig:
    """Per candidate: what pipelines.metrics needs, and counts; a user: GAUC. Without `min_auc` nothing is blessed."""
    reported = [name for metric in METRICS.values() for name in metric.evaluated_by]
    metrics = [
        config_pb2.MetricConfig(class_name=name) for name in dict.fromkeys([*reported, *_OF_SLICES])
    ]
    buckets = json.dumps({"num_buckets": CALIBRATION_BUCKETS})
    metrics.append(config_pb2.MetricConfig(class_name="CalibrationPlot", config=buckets))
    metrics.append(_auc(min_auc, max_auc_drop))
    return config_pb2.EvalConfig(
        model_specs=[
            config_pb2.ModelSpec(
                signature_name=EVALUATE,
                label_keys={task: label_name(task) for task in tasks},
                prediction_keys={task: task for task in tasks},
            )
        ],
        slicing_specs=[config_pb2.SlicingSpec()]
        + [
            config_pb2.SlicingSpec(feature_keys=[key])
            for key in (HISTORY_LENGTH, POPULARITY, *slices)
        ],
        metrics_specs=[
            config_pb2.MetricsSpec(output_names=tasks, metrics=metrics),
            config_pb2.MetricsSpec(
                output_names=tasks,
                query_key=USER_ID,
                metrics=[config_pb2.MetricConfig(class_name="Gauc", module=_GAUC_MODULE)],
            ),
        ],
    )


def _auc(min_auc: float | None, max_auc_drop: float) -> config_pb2.MetricConfig:
    """The AUC, with its bar on the overall slice only: a small slice must not refuse a good model."""
    if min_auc is None:
        return config_pb2.MetricConfig(class_name="AUC")
    threshold = config_pb2.MetricThreshold(
        value_threshold=config_pb2.GenericValueThreshold(lower_bound={"value": min_auc}),
        change_threshold=config_pb2.GenericChangeThreshold(
            direction=config_pb2.MetricDirection.HIGHER_IS_BETTER, absolute={"value": -max_auc_drop}
        ),
    )
    overall = config_pb2.PerSliceMetricThreshold(
        slicing_specs=[config_pb2.SlicingSpec()], threshold=threshold
    )
    return config_pb2.MetricConfig(class_name="AUC", per_slice_thresholds=[overall])


def custom_extractors(
    eval_shared_model: Any, eval_config: config_pb2.EvalConfig, tensor_adapter_config: Any
) -> list[extractor.Extractor]:
    """TFX Evaluator's hook: the default extractors, with requests exploded into candidates before slicing."""
    extractors = tfma.default_extractors(
        eval_shared_model=eval_shared_model,
        eval_config=eval_config,
        tensor_adapter_config=tensor_adapter_config,
    )
    stages = [step.stage_name for step in extractors]
    unbatch, slices = stages.index("ExtractUnbatchedInputs"), stages.index("ExtractSliceKeys")
    keep = extractor.Extractor("KeepNeeded", "KeepNeeded" >> beam.Map(keep_needed))
    explode = extractor.Extractor(
        "ExplodeCandidates", "ExplodeCandidates" >> beam.FlatMap(explode_candidates)
    )
    return [*extractors[:unbatch], keep, *extractors[unbatch:slices], explode, *extractors[slices:]]


def keep_needed(extracts: dict[str, Any]) -> dict[str, Any]:
    """A batch without what is neither scored nor sliced by; lists as NumPy arrays, histories as their lengths' slices.

    TFMA takes each list of a batch apart by TensorFlow, a request at a time, which costs more than
    scoring it.
    """
    features = extracts["features"]
    kept = {
        name: value for name, value in features.items() if name.startswith(("user_", "context_"))
    }
    kept[HISTORY_LENGTH] = np.array(
        [history_bucket(np.size(history)) for history in _rows(features[HISTORY_ITEM_ID])]
    )
    return extracts | {"features": kept, "labels": _rows(extracts["labels"])}


def explode_candidates(extracts: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """One row a candidate: its labels and predictions, and the features to slice by.

    With a baseline model TFMA nests labels and predictions once more, by model name; both models'
    rows are sliced by the candidate model's popularity, so that they land in the same slice.
    """
    labels, predictions, features = (
        extracts["labels"],
        extracts["predictions"],
        extracts["features"],
    )
    count = len(np.ravel(_first_leaf(labels)))
    predicted = predictions.get("candidate", predictions)
    mask = np.ravel(predicted["candidate_mask"])
    if mask[:count].sum() != count or mask[count:].any():
        raise ValueError(
            f"a request has {count} labels, but its candidates are {mask}: padding must not be scored"
        )
    popularity = np.ravel(predicted[POPULARITY])
    for i in range(count):
        yield {
            "features": features | {POPULARITY: popularity[i : i + 1]},
            "labels": _row(labels, i),
            "predictions": _row(predictions, i),
        }


def _rows(value: Any) -> Any:
    """A batch's lists (ragged, or in one array where all are equally long) as arrays; in nested dictionaries, too."""
    if isinstance(value, dict):
        return {name: _rows(inner) for name, inner in value.items()}
    if isinstance(value, RaggedTensorValue):
        return np.split(value.values, value.nested_row_splits[0][1:-1])
    return list(value)


def _first_leaf(value: Any) -> Any:
    return _first_leaf(next(iter(value.values()))) if isinstance(value, dict) else value


def _row(value: Any, i: int) -> Any:
    if isinstance(value, dict):
        return {name: _row(inner, i) for name, inner in value.items()}
    return np.ravel(value)[i : i + 1]
