"""Features to build or trace a model by, and fields of a made-up shop for examples."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import tensorflow as tf

from preprocessing.features import CANDIDATE_ITEM_KEY, HISTORY_ITEM_KEY, model_features
from preprocessing.spec import DatasetSpec
from trainer.fields import Field, Fields, with_matches


def shop_fields() -> Fields:
    """The fields of a made-up shop, by which docstrings show what layers and models do.

    Users have an age, items a brand and behaviours an action; each field has nine indices.
    """
    content = {
        "name": "shop",
        "events": {"format": "csv", "path": "events.csv"},
        "features": {
            "user": {"age": {"kind": "numeric", "buckets": 8}},
            "item": {"brand": {"kind": "categorical"}},
            "behavior": {"action": {"kind": "categorical"}},
            "match": {"brand": {}},
        },
        "history": {"length": 50},
        "tasks": {"click": {"column": "clicked", "equals": 1}},
    }
    spec = DatasetSpec.model_validate(content)
    return with_matches([Field(feature, size=9) for feature in model_features(spec)], spec)


def user_specs(fields: Fields, length: int) -> dict[str, tf.TensorSpec]:
    """What `encode_user` reads of one user with a history of `length` positions."""
    sides = [*fields.of("user"), *fields.of("context"), *fields.of("history")]
    specs = _specs(sides, length)
    if fields.has_item_keys:
        specs[HISTORY_ITEM_KEY] = _keys(length, HISTORY_ITEM_KEY)
    return specs


def candidate_specs(fields: Fields, count: int) -> dict[str, tf.TensorSpec]:
    """What `score_items` reads of `count` candidates of one user."""
    specs = _specs(fields.of("candidate"), count)
    if fields.has_item_keys:
        specs[CANDIDATE_ITEM_KEY] = _keys(count, CANDIDATE_ITEM_KEY)
    return specs


def absent_features(fields: Fields) -> dict[str, tf.Tensor]:
    """One request with one absent behaviour and one absent candidate."""
    return zeros(user_specs(fields, 1) | candidate_specs(fields, 1))


def zeros(specs: Mapping[str, tf.TensorSpec]) -> dict[str, tf.Tensor]:
    """Features of these specs that are all absent."""
    return {name: tf.zeros(spec.shape, spec.dtype) for name, spec in specs.items()}


def _specs(fields: Iterable[Field], length: int) -> dict[str, tf.TensorSpec]:
    """Indices and numbers of some fields; `length` positions of those that have positions."""
    specs = {}
    for field in fields:
        positions = [length] if field.feature.side in ("history", "candidate") else []
        cell = [field.width] if field.multivalent else []
        specs[field.name] = tf.TensorSpec([1, *positions, *cell], tf.int64, name=field.name)
        if field.number is not None:
            specs[field.number] = tf.TensorSpec([1, *positions], tf.float32, name=field.number)
    return specs


def _keys(count: int, name: str) -> tf.TensorSpec:
    return tf.TensorSpec([1, count], tf.int64, name=name)
