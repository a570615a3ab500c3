"""GAUC as a TFMA metric: the mean over users of their own AUC, weighted by their candidates."""

from __future__ import annotations

from typing import Any

import apache_beam as beam
import numpy as np
from tensorflow_model_analysis.metrics import metric_types, metric_util
from tensorflow_model_analysis.proto import config_pb2

from trainer.metrics import auc


class Gauc(metric_types.Metric):
    """GAUC (Zhu et al., KDD 2017): users whose labels are all alike have no AUC and are left out.

    Needs a `query_key` in its MetricsSpec. Within a slice that splits a user's candidates TFMA
    gives a query all of its rows, so read it overall, or in slices that are constant within the
    query.
    """

    def __init__(self, name: str = "gauc") -> None:
        super().__init__(_computations, name=name)


def _computations(
    name: str = "gauc",
    eval_config: config_pb2.EvalConfig | None = None,
    model_names: list[str] | None = None,
    output_names: list[str] | None = None,
    query_key: str = "",
    **_: Any,
) -> list[metric_types.MetricComputation]:
    if not query_key:
        raise ValueError("Gauc needs a query_key in its MetricsSpec.")
    keys = [
        metric_types.MetricKey(name, model_name=model, output_name=output)
        for model in model_names or [""]
        for output in output_names or [""]
    ]
    return [
        metric_types.MetricComputation(
            keys=[key], preprocessors=None, combiner=_GaucCombiner(key, eval_config)
        )
        for key in keys
    ]


class _GaucCombiner(beam.CombineFn):
    """Accumulates (sum of candidates x AUC, candidates); each element is one user's candidates."""

    def __init__(
        self, key: metric_types.MetricKey, eval_config: config_pb2.EvalConfig | None
    ) -> None:
        self._key, self._eval_config = key, eval_config

    def create_accumulator(self) -> tuple[float, float]:
        return 0.0, 0.0

    def add_input(self, accumulator: tuple[float, float], element: Any) -> tuple[float, float]:
        label, prediction, _ = next(
            metric_util.to_label_prediction_example_weight(
                element,
                eval_config=self._eval_config,
                model_name=self._key.model_name,
                output_name=self._key.output_name,
                flatten=False,
                allow_none=False,
                require_single_example_weight=True,
            )
        )
        labels, scores = np.ravel(label), np.ravel(prediction)
        value = auc(labels, scores)
        if np.isnan(value):
            return accumulator
        return accumulator[0] + len(labels) * value, accumulator[1] + len(labels)

    def merge_accumulators(self, accumulators: Any) -> tuple[float, float]:
        totals = np.sum([self.create_accumulator(), *accumulators], axis=0)
        return float(totals[0]), float(totals[1])

    def extract_output(
        self, accumulator: tuple[float, float]
    ) -> dict[metric_types.MetricKey, float]:
        weighted, candidates = accumulator
        return {self._key: weighted / candidates if candidates else float("nan")}


metric_types.register_metric(Gauc)
