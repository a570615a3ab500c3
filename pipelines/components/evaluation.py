"""What the Evaluator computes, and its hook into TFX's."""

from __future__ import annotations

import json
from typing import Any

import apache_beam as beam
import tensorflow_model_analysis as tfma
from tensorflow_model_analysis.extractors import extractor
from tensorflow_model_analysis.proto import config_pb2

from pipelines.components.candidate_groups import GroupCandidates
from pipelines.components.candidate_metrics import CandidateMetrics
from pipelines.components.request_batches import like_requests, name_examples
from pipelines.metrics import METRICS
from preprocessing.code_fingerprint import code_fingerprint
from preprocessing.features import HISTORY_ITEM_ID, USER_ID, label_name
from trainer.export.signatures import EVALUATE
from trainer.slices import HISTORY_LENGTH, POPULARITY

CALIBRATION_BUCKETS = 10
_THIS = "pipelines/components/evaluation.py"  # the code that an Evaluator begins with


def eval_config(
    tasks: list[str], slices: list[str], min_auc: float | None, max_auc_drop: float
) -> config_pb2.EvalConfig:
    """All of METRICS, of candidates. Without `min_auc` nothing is blessed."""
    # The names and the code are in the config, so that TFX's cache sees a new metric, or a mended
    # one.
    options = {
        "metrics": list(METRICS),
        "calibration_buckets": CALIBRATION_BUCKETS,
        "code": code_fingerprint(_THIS),
    }
    metric = config_pb2.MetricConfig(
        class_name=CandidateMetrics.__name__,
        module=CandidateMetrics.__module__,
        config=json.dumps(options),
    )
    bars = {} if min_auc is None else {"auc": _bar(min_auc, max_auc_drop)}
    sliced_by = (HISTORY_LENGTH, POPULARITY, *slices)
    slicing = [config_pb2.SlicingSpec()]  # all candidates together
    for key in sliced_by:
        slicing.append(config_pb2.SlicingSpec(feature_keys=[key]))
    return config_pb2.EvalConfig(
        model_specs=[
            config_pb2.ModelSpec(
                # Without its type TFMA loads a model once more, only to see that it isn't Keras's.
                model_type=tfma.constants.TF_GENERIC,
                signature_name=EVALUATE,
                label_keys={task: label_name(task) for task in tasks},
                prediction_keys={task: task for task in tasks},
            )
        ],
        slicing_specs=slicing,
        metrics_specs=[
            config_pb2.MetricsSpec(output_names=tasks, metrics=[metric], per_slice_thresholds=bars)
        ],
    )


def _bar(min_auc: float, max_auc_drop: float) -> config_pb2.PerSliceMetricThresholds:
    """The AUC's, on the overall slice only: a small slice must not refuse a good model."""
    threshold = config_pb2.MetricThreshold(
        value_threshold=config_pb2.GenericValueThreshold(lower_bound={"value": min_auc}),
        change_threshold=config_pb2.GenericChangeThreshold(
            direction=config_pb2.MetricDirection.HIGHER_IS_BETTER, absolute={"value": -max_auc_drop}
        ),
    )
    overall = config_pb2.PerSliceMetricThreshold(
        slicing_specs=[config_pb2.SlicingSpec()], threshold=threshold
    )
    return config_pb2.PerSliceMetricThresholds(thresholds=[overall])


def custom_extractors(
    eval_shared_model: Any, eval_config: config_pb2.EvalConfig, tensor_adapter_config: Any
) -> list[extractor.Extractor]:
    """TFX Evaluator's hook: TFMA's extractors, but batches become groups of candidates.

    TFMA takes batches apart into requests instead.
    """
    extractors = tfma.default_extractors(
        eval_shared_model=eval_shared_model,
        eval_config=eval_config,
        tensor_adapter_config=tensor_adapter_config,
    )
    keys: set[str] = set()
    for spec in eval_config.slicing_specs:
        keys.update(spec.feature_keys)
    sliced_by = sorted(keys)
    group = "GroupCandidates" >> beam.ParDo(GroupCandidates(sliced_by))
    stages = [step.stage_name for step in extractors]
    unbatch = stages.index("ExtractUnbatchedInputs")
    extractors[unbatch] = extractor.Extractor("GroupCandidates", group)
    name = "NameExamples" >> beam.Map(name_examples)
    extractors.insert(stages.index("ExtractPredictions"), extractor.Extractor("NameExamples", name))

    read = {USER_ID, HISTORY_ITEM_ID, *eval_config.model_specs[0].label_keys.values(), *sliced_by}
    columns = [tfma.constants.ARROW_INPUT_COLUMN, *sorted(read - {HISTORY_LENGTH, POPULARITY})]
    like = "LikeRequests" >> beam.FlatMap(like_requests, columns)
    return [extractor.Extractor("LikeRequests", like), *extractors]
