"""The transform graph (TensorFlow Transform), which training and serving share.

It makes what models read of raw record features: integer indices, and of a number also the number
itself, standardised. Index 0 always means absent or padding. One vocabulary per id space serves
history and candidate. No output mixes user-side and candidate-side inputs, so a serving signature
can feed either side alone and get its outputs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias, TypeVar

import tensorflow as tf
import tensorflow_transform as tft

from preprocessing import features as names
from preprocessing.features import ModelFeature, label_name, model_features
from preprocessing.spec import DatasetSpec

Values: TypeAlias = tf.Tensor | tf.RaggedTensor  # [B], or [B, (L)]
Tensors = Mapping[str, Values]
LearnedT = TypeVar("LearnedT")
_KEYS = 2**31 - 2  # keys, which start at 1, fit in an int32


def preprocessing_fn(inputs: Tensors, custom_config: Mapping[str, Any]) -> dict[str, Values]:
    """TFX Transform's entry point; `custom_config["spec"]` is the dataset spec as JSON."""
    return transform(inputs, DatasetSpec.from_json(custom_config["spec"]))


def transform(inputs: Tensors, spec: DatasetSpec) -> dict[str, Values]:
    """All model features, labels and catalogue counts of a batch of raw records.

    Returns:
        Features by name. Indices are int64, [B] or ragged [B, (L)]; those of multivalent features
        [B, V] or ragged [B, (L * V)], V per behaviour. Kinds with numbers also give these, float32,
        named by `features.number_name`. Labels and `catalog_training_events` pass unchanged. Where
        a match compares item ids, there are also `history_item_key`, ragged [B, (L)], and
        `candidate_item_key`, ragged [B, (N)].
    """
    graph = Analyses(inputs, spec)
    outputs = {}
    for feature in model_features(spec):
        outputs[feature.name] = graph.index(feature)
        if feature.spec is not None and feature.number is not None:
            outputs[feature.number] = feature.spec.number(feature, graph)
    if names.needs_item_keys(spec):
        outputs[names.HISTORY_ITEM_KEY] = _keys(inputs[names.HISTORY_ITEM_ID])
        outputs[names.CANDIDATE_ITEM_KEY] = _keys(inputs[names.CANDIDATE_ITEM_ID])
    labels = [label_name(task) for task in spec.tasks]
    for name in (*labels, names.TRAINING_EVENTS, names.STATISTIC_LINES):
        if name in inputs:
            outputs[name] = inputs[name]
    return outputs


class Analyses:
    """The inputs of the transform graph, and what is learned from the training split, once each.

    Attributes:
        inputs: Raw features by name.
        request_times: Of the requests, seconds since 1970 UTC, [B].
        behavior_times: Of the behaviours, ragged [B, (L)].
    """

    def __init__(self, inputs: Tensors, spec: DatasetSpec) -> None:
        self.inputs = inputs
        self._spec = spec
        self._learned: dict[str, Any] = {}

    @property
    def request_times(self) -> tf.Tensor:
        return self.inputs[names.TIMESTAMP]

    @property
    def behavior_times(self) -> tf.RaggedTensor:
        return self.inputs[names.HISTORY_TIMESTAMP]

    def index(self, feature: ModelFeature) -> Values:
        """A feature's indices."""
        if feature.spec is not None:
            return feature.spec.index(feature, self)
        vocabulary = self._once("item_id", self._item_vocabulary)
        return self.map_values(
            feature, lambda x: self.look_up(x, vocabulary, self._spec.item_oov_buckets)
        )

    def map_values(
        self, feature: ModelFeature, function: Callable[[tf.Tensor], tf.Tensor]
    ) -> Values:
        """Applies a function to a feature's values, element by element, be they lists or not."""
        x = self.inputs[feature.name]
        if isinstance(x, tf.RaggedTensor):
            return x.with_flat_values(function(x.flat_values))
        return function(x)

    def learned(self, feature: ModelFeature, analyse: Callable[[tf.Tensor], LearnedT]) -> LearnedT:
        """What `analyse` makes of all training values of a feature, [values].

        The history and the candidates of an item feature share it.
        """
        source = self._source(feature)
        return self._once(source, lambda: analyse(_values(self.inputs[source])))

    def learned_together(
        self, feature: ModelFeature, analyse: Callable[[tf.Tensor], LearnedT]
    ) -> tuple[LearnedT, int]:
        """What `analyse` makes of a feature together with those that are like it, and its column.

        Statistics of one side and kind are alike: an analysis of the training values of all K,
        [values, K], costs little more than that of one.
        """
        if not feature.statistic:
            return self.learned(feature, lambda values: analyse(values[:, None])), 0
        features = [f for f in model_features(self._spec) if f.statistic]
        alike = [f.name for f in features if f.side == feature.side and f.spec == feature.spec]

        def analyse_all() -> LearnedT:
            return analyse(tf.stack([_values(self.inputs[name]) for name in alike], -1))

        return self._once(" ".join(alike), analyse_all), alike.index(feature.name)

    def vocabulary(
        self, feature: ModelFeature, min_count: int, tokens: Callable[[tf.Tensor], tf.Tensor]
    ) -> tf.Tensor:
        """The words of a feature's training values, the most frequent first.

        Args:
            feature: Which.
            min_count: Words that come less often are left out.
            tokens: Makes words of values.
        """

        def analyse() -> tf.Tensor:
            values = tokens(_values(self.inputs[self._source(feature)]))
            known = tf.boolean_mask(values, values != "")
            threshold = min_count if min_count > 1 else None
            return tft.vocabulary(
                known, frequency_threshold=threshold, vocab_filename=feature.vocabulary
            )

        return self._once(feature.vocabulary or feature.name, analyse)

    def look_up(self, words: tf.Tensor, vocabulary: tf.Tensor, oov_buckets: int) -> tf.Tensor:
        """Indices of words: 0 for "", then the vocabulary's, then `oov_buckets` by hash."""
        found = tft.apply_vocabulary(
            words, deferred_vocab_filename_tensor=vocabulary, num_oov_buckets=oov_buckets
        )
        return tf.where(words == "", tf.zeros_like(found), found + 1)

    def _item_vocabulary(self) -> tf.Tensor:
        """Every item of the catalogue, the most frequent in training first."""
        counts = self.inputs[names.TRAINING_EVENTS]
        is_catalog = counts.row_lengths() > 0
        items = tf.ragged.boolean_mask(self.inputs[names.CANDIDATE_ITEM_ID], is_catalog).flat_values
        weights = tf.cast(counts.flat_values, tf.float32) + 1.0
        return tft.vocabulary(items, weights=weights, vocab_filename="item_id")

    def _source(self, feature: ModelFeature) -> str:
        """The input whose values are counted: item features are counted where they are shown."""
        if feature.describes_item:
            return names.feature_name("candidate", feature.field)
        return feature.name

    def _once(self, key: str, analyse: Callable[[], LearnedT]) -> LearnedT:
        if key not in self._learned:
            self._learned[key] = analyse()
        learned: LearnedT = self._learned[key]
        return learned


def _keys(ids: tf.RaggedTensor) -> tf.RaggedTensor:
    """A number for each id, 0 for "": its fingerprint of 31 bits, so that new items differ, too."""
    words = ids.flat_values
    fingerprints = tf.strings.to_hash_bucket_fast(words, _KEYS) + 1
    return ids.with_flat_values(tf.where(words == "", tf.zeros_like(fingerprints), fingerprints))


def _values(x: Values) -> tf.Tensor:
    return x.flat_values if isinstance(x, tf.RaggedTensor) else x
