"""Records as plain Python values, for people and for clients."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import tensorflow as tf

from preprocessing.features import RecordFeature


def plain_features(record: bytes, features: Iterable[RecordFeature]) -> dict[str, Any]:
    """Features of a serialised tf.Example by name: lists along history or candidates, or values."""
    stored = tf.train.Example.FromString(record).features.feature
    found: dict[str, Any] = {}
    for feature in features:
        values = plain_values(stored[feature.name])
        found[feature.name] = values if feature.is_list else values[0]
    return found


def for_client(values: Any) -> Any:
    """A feature's values as clients take them: None, not NaN, where one is absent."""
    if isinstance(values, list):
        return [for_client(value) for value in values]
    return None if isinstance(values, float) and math.isnan(values) else values


def plain_values(feature: tf.train.Feature) -> list[Any]:
    """All values of a feature, text decoded; none if it has none."""
    kind = feature.WhichOneof("kind")
    stored = getattr(feature, kind).value if kind else ()
    return [value.decode() if isinstance(value, bytes) else value for value in stored]
