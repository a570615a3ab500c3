"""A TFMA metric of elements that have many candidates each, as arrays.

TFMA's own metrics take one element a candidate, which costs more than scoring it.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import Any

import apache_beam as beam
import numpy as np
from tensorflow_model_analysis.metrics import metric_types, metric_util
from tensorflow_model_analysis.proto import config_pb2, metrics_for_slice_pb2

from pipelines.metrics import METRICS

USER = "user"  # a number for each candidate's user, among an element's features
CALIBRATION_PLOT = "calibration_plot"
_RUN = "run"
_LABEL = "label"
_SCORE = "score"
_COUNTS = ("example_count", "mean_label", "mean_prediction")
_Columns = dict[Any, np.ndarray]


class CandidateMetrics(metric_types.Metric):
    """Metrics of pipelines.metrics, counts and a calibration plot, of the candidates of a slice.

    Nothing is approximated, so candidates are kept to the end: for each slice 5 bytes of a
    candidate's label and score for each model and task, and 12 of each run of one user's
    candidates.

    Args:
        metrics: Keys of METRICS.
        calibration_buckets: How many buckets the plot has between 0 and 1.
        code: Nobody reads it; in a configuration it makes TFX's cache see a change of code.
    """

    def __init__(
        self,
        metrics: list[str],
        calibration_buckets: int,
        code: str = "",
        name: str = "candidate_metrics",
    ) -> None:
        super().__init__(
            _computations, metrics=metrics, calibration_buckets=calibration_buckets, name=name
        )


def _computations(
    metrics: list[str],
    calibration_buckets: int,
    eval_config: config_pb2.EvalConfig | None = None,
    model_names: list[str] | None = None,
    output_names: list[str] | None = None,
    **_: Any,
) -> list[metric_types.MetricComputation]:
    """One computation of all models and tasks."""
    # Candidates have no weights. TFMA looks for the thresholds of a MetricsSpec under keys that
    # say so by None, not by False.
    plots: list[metric_types.PlotKey] = []
    keys: list[metric_types.MetricKey] = []
    for model, task in itertools.product(model_names or [""], output_names or [""]):
        plot = metric_types.PlotKey(CALIBRATION_PLOT, model, task, example_weighted=None)
        plots.append(plot)
        keys += [_metric_key(plot, name) for name in (*metrics, *_COUNTS)]
    combiner = _CandidatesCombiner(plots, metrics, calibration_buckets, eval_config)
    users = metric_types.FeaturePreprocessor([USER])
    return [metric_types.MetricComputation([*keys, *plots], [users], combiner)]


def _metric_key(plot: metric_types.PlotKey, name: str) -> metric_types.MetricKey:
    """The key of a metric of the same model and task."""
    return metric_types.MetricKey(**plot._replace(name=name)._asdict())


class _CandidatesCombiner(beam.CombineFn):
    """Keeps n candidates as columns.

    They are the users of u runs of candidates and how many each run has, [u] each, and labels and
    scores, [n] each for a model and task.

    Args:
        plots: The keys of the plots, one for each model and task.
        metrics: Keys of METRICS.
        buckets: How many buckets the plots have between 0 and 1.
        eval_config: TFMA's.
    """

    def __init__(
        self,
        plots: list[metric_types.PlotKey],
        metrics: list[str],
        buckets: int,
        eval_config: config_pb2.EvalConfig | None,
    ) -> None:
        self._plots = plots
        self._metrics = metrics
        self._buckets = buckets
        self._eval_config = eval_config

    def create_accumulator(self) -> list[_Columns]:
        return []

    def add_input(self, accumulator: list[_Columns], element: Any) -> list[_Columns]:
        columns: _Columns = {}
        columns[USER], columns[_RUN] = _runs(element.features[USER])
        for plot in self._plots:
            columns[_LABEL, plot], columns[_SCORE, plot] = self._labels_and_scores(element, plot)
        accumulator.append(columns)
        return accumulator

    def merge_accumulators(self, accumulators: Iterable[list[_Columns]]) -> list[_Columns]:
        return self.compact(list(itertools.chain.from_iterable(accumulators)))

    def compact(self, accumulator: list[_Columns]) -> list[_Columns]:
        if len(accumulator) < 2:
            return accumulator
        joined: _Columns = {}
        for name in accumulator[0]:
            joined[name] = np.concatenate([columns[name] for columns in accumulator])
        return [joined]

    def extract_output(self, accumulator: list[_Columns]) -> dict[Any, Any]:
        (columns,) = self.compact(accumulator)  # a slice without candidates isn't there
        users = np.repeat(columns[USER], columns[_RUN])
        found: dict[Any, Any] = {}
        for plot in self._plots:
            labels = columns[_LABEL, plot].astype(float)
            scores = columns[_SCORE, plot].astype(float)
            values = _counts(labels, scores)
            for name in self._metrics:
                values[name] = METRICS[name].of_rows(labels, scores, users)
            for name, value in values.items():
                found[_metric_key(plot, name)] = float(value)
            found[plot] = _calibration_plot(labels, scores, self._buckets)
        return found

    def _labels_and_scores(
        self, element: Any, plot: metric_types.PlotKey
    ) -> tuple[np.ndarray, np.ndarray]:
        ((labels, scores, _),) = metric_util.to_label_prediction_example_weight(
            element,
            eval_config=self._eval_config,
            model_name=plot.model_name,
            output_name=plot.output_name,
            flatten=False,
        )
        return np.ravel(labels) > 0.5, np.ravel(scores).astype(np.float32)


def _runs(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The value of each run of equal ones, and how long it is; a run goes on to the next change."""
    starts = np.flatnonzero(np.r_[True, values[1:] != values[:-1]])
    return values[starts], np.diff(np.r_[starts, len(values)]).astype(np.int32)


def _counts(labels: np.ndarray, scores: np.ndarray) -> dict[str, float]:
    """What reports say of a slice besides its metrics, under the names of TFMA's own metrics."""
    return dict(zip(_COUNTS, (len(labels), labels.mean(), scores.mean()), strict=True))


def _calibration_plot(
    labels: np.ndarray, scores: np.ndarray, buckets: int
) -> metrics_for_slice_pb2.CalibrationHistogramBuckets:
    """TFMA's: the first bucket is of scores below 0, the last one of those from 1 on."""
    thresholds = [bucket / buckets for bucket in range(buckets + 1)]
    bounds = [float("-inf"), *thresholds, float("inf")]
    bucket = np.digitize(scores, thresholds)
    label_sums = np.bincount(bucket, labels, minlength=buckets + 2)
    score_sums = np.bincount(bucket, scores, minlength=buckets + 2)
    counts = np.bincount(bucket, minlength=buckets + 2)
    plot = metrics_for_slice_pb2.CalibrationHistogramBuckets()
    for number, (lower, upper) in enumerate(itertools.pairwise(bounds)):
        plot.buckets.add(
            lower_threshold_inclusive=lower,
            upper_threshold_exclusive=upper,
            total_weighted_label={"value": label_sums[number]},
            total_weighted_refined_prediction={"value": score_sums[number]},
            num_weighted_examples={"value": counts[number]},
        )
    return plot


metric_types.register_metric(CandidateMetrics)
