"""Features and a user state of the right shapes, of nobody: what a state's layout is read from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import tensorflow as tf

from preprocessing.features import CANDIDATE_ITEM_KEY, HISTORY_ITEM_KEY
from trainer.fields import Field, Fields
from trainer.models.ranker import Ranker, UserState


def example_state(ranker: Ranker, fields: Fields) -> UserState:
    """The state of one user of whom nothing is known, with one position."""
    return ranker.encode_user(zeros(user_specs(fields, 1)), training=False)


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
