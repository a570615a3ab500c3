"""The transform graph (TensorFlow Transform): raw record features to integer indices, for training and serving alike.

Index 0 always means absent or padding. One vocabulary per id space serves history and candidate. No output mixes
user-side and candidate-side inputs, so a serving signature can feed either side alone and get its outputs.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import tensorflow as tf
import tensorflow_transform as tft

from preprocessing import features as names
from preprocessing.features import ModelFeature, label_name, model_features
from preprocessing.spec import MULTIVALENT_SEPARATOR, DatasetSpec, Feature

Tensors = Mapping[str, Any]  # tf.Tensor [B] or tf.RaggedTensor [B, (L)]
_LARGEST_GAP_SECONDS = 10 * 365 * 86_400


def preprocessing_fn(inputs: Tensors, custom_config: Mapping[str, Any]) -> dict[str, Any]:
    """TFX Transform's entry point; `custom_config["spec"]` is the dataset spec as JSON."""
    return transform(inputs, DatasetSpec.from_json(custom_config["spec"]))


def transform(inputs: Tensors, spec: DatasetSpec) -> dict[str, Any]:
    """All model features, labels and catalogue counts from a batch of raw records.

    Returns:
        name -> int64 indices, [B] or ragged [B, (L)]; multivalent ones [B, V] or ragged [B, (L * V)], V values each
        cell, row after row. Labels and `catalog_training_events` pass unchanged.
    """
    lookups = _Lookups(inputs, spec)
    outputs = {feature.name: lookups(feature) for feature in model_features(spec)}
    passed = [label_name(task) for task in spec.tasks] + [names.TRAINING_EVENTS]
    return outputs | {name: inputs[name] for name in passed if name in inputs}


class _Lookups:
    """Turns raw inputs into indices; analyses each vocabulary and each set of quantiles once."""

    def __init__(self, inputs: Tensors, spec: DatasetSpec) -> None:
        self._inputs = inputs
        self._spec = spec
        self._analysed: dict[str, Any] = {}

    def __call__(self, feature: ModelFeature) -> Any:
        if feature.spec is None:
            vocabulary = self._once("item_id", self._item_vocabulary)
            return _map_values(self._inputs[feature.name], lambda x: _index(x, vocabulary, self._spec.item_oov_buckets))
        return getattr(self, f"_{feature.spec.kind}")(feature, feature.spec)

    def _item_vocabulary(self) -> Any:
        """Every item of the catalogue, the most frequent in training first."""
        counts = self._inputs[names.TRAINING_EVENTS]
        is_catalog = counts.row_lengths() > 0
        items = tf.ragged.boolean_mask(self._inputs[names.CANDIDATE_ITEM_ID], is_catalog).flat_values
        weights = tf.cast(counts.flat_values, tf.float32) + 1.0
        return tft.vocabulary(items, weights=weights, vocab_filename="item_id")

    def _categorical(self, feature: ModelFeature, spec: Feature) -> Any:
        vocabulary = self._vocabulary(feature, spec, lambda values: values)
        return _map_values(self._inputs[feature.name], lambda x: _index(x, vocabulary, spec.oov_buckets))

    def _multivalent(self, feature: ModelFeature, spec: Feature) -> Any:
        vocabulary = self._vocabulary(feature, spec, lambda values: _split(values).flat_values)
        width = spec.max_values

        def index(values: tf.Tensor) -> tf.Tensor:
            tokens = _split(values).to_tensor(default_value="", shape=[None, width])
            return _index(tokens, vocabulary, spec.oov_buckets)

        raw = self._inputs[feature.name]
        if not isinstance(raw, tf.RaggedTensor):
            return tf.ensure_shape(index(raw), [None, width])
        return tf.RaggedTensor.from_row_splits(tf.reshape(index(raw.flat_values), [-1]), raw.row_splits * width)

    def _numeric(self, feature: ModelFeature, spec: Feature) -> Any:
        source = self._source(feature)

        def quantiles() -> Any:
            values = _values(self._inputs[source])
            known = tf.boolean_mask(values, ~tf.math.is_nan(values))
            return tft.quantiles(known, spec.buckets, epsilon=0.01)

        bounds = self._once(source, quantiles)

        def index(values: tf.Tensor) -> tf.Tensor:
            known = ~tf.math.is_nan(values)
            return tf.where(known, tft.apply_buckets(tf.where(known, values, 0.0), bounds) + 1, 0)

        return _map_values(self._inputs[feature.name], index)

    def _time_gap(self, feature: ModelFeature, spec: Feature) -> Any:
        """Time from the behaviour to the request, in logarithmic buckets from a second to ten years."""
        times = self._inputs[names.HISTORY_TIMESTAMP]
        now = tf.gather(self._inputs[names.TIMESTAMP], times.value_rowids())
        seconds = tf.cast(tf.maximum(now - times.flat_values, 0), tf.float32)
        scale = spec.buckets / math.log1p(_LARGEST_GAP_SECONDS)
        bucket = tf.cast(tf.math.log1p(seconds) * scale, tf.int64)
        return times.with_flat_values(tf.minimum(bucket, spec.buckets - 1) + 1)

    def _hour_of_day(self, feature: ModelFeature, spec: Feature) -> Any:
        return self._inputs[names.TIMESTAMP] // 3600 % 24 + 1

    def _day_of_week(self, feature: ModelFeature, spec: Feature) -> Any:
        return (self._inputs[names.TIMESTAMP] // 86_400 + 3) % 7 + 1  # 1 January 1970 was a Thursday; 1 is Monday

    def _vocabulary(self, feature: ModelFeature, spec: Feature, tokens: Callable[[tf.Tensor], tf.Tensor]) -> Any:
        def analyse() -> Any:
            values = tokens(_values(self._inputs[self._source(feature)]))
            known = tf.boolean_mask(values, values != "")
            threshold = spec.min_count if spec.min_count > 1 else None
            return tft.vocabulary(known, frequency_threshold=threshold, vocab_filename=feature.vocabulary)

        return self._once(feature.vocabulary or feature.name, analyse)

    def _source(self, feature: ModelFeature) -> str:
        """The input whose values are counted: item features are counted where they are shown, once each."""
        return f"candidate_{feature.field}" if feature.describes_item else feature.name

    def _once(self, key: str, analyse: Callable[[], Any]) -> Any:
        if key not in self._analysed:
            self._analysed[key] = analyse()
        return self._analysed[key]


def _values(x: Any) -> tf.Tensor:
    return x.flat_values if isinstance(x, tf.RaggedTensor) else x


def _map_values(x: Any, function: Callable[[tf.Tensor], tf.Tensor]) -> Any:
    return x.with_flat_values(function(x.flat_values)) if isinstance(x, tf.RaggedTensor) else function(x)


def _split(values: tf.Tensor) -> tf.RaggedTensor:
    return tf.strings.split(values, MULTIVALENT_SEPARATOR)


def _index(values: tf.Tensor, vocabulary: Any, oov_buckets: int) -> tf.Tensor:
    found = tft.apply_vocabulary(values, deferred_vocab_filename_tensor=vocabulary, num_oov_buckets=oov_buckets)
    return tf.where(values == "", tf.zeros_like(found), found + 1)
