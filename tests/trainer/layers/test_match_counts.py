"""Match features: against a loop over pairs, by hand, and what may not match."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from preprocessing.spec_match import Match
from trainer.fields import Compared, MatchField
from trainer.layers.match_counts import MatchCounts

ITEM = Compared("history_item_key", "candidate_item_key")
TAGS = Compared("history_tags", "candidate_tags", width=2, known=5)


def _field(*compared: Compared, **options: Any) -> MatchField:
    return MatchField("met", Match(fields=("item_id",), **options), compared)


def _numbers(match: MatchField, real: int, features: dict[str, Any]) -> np.ndarray:
    """The numbers of one user's candidates, [N, width]."""
    tensors = {name: tf.constant([values], tf.int64) for name, values in features.items()}
    layer = MatchCounts([match])
    state = layer.user_state(tensors)
    mask = tf.range(state.shape[1])[None] < real
    counted = layer(state, mask, tensors)
    assert counted.shape[-1] == layer.width
    return counted[0].numpy()


def test_by_hand() -> None:
    features = {"history_item_key": [7, 8, 7, 9, 0, 0], "candidate_item_key": [7, 9, 5, 0]}
    np.testing.assert_allclose(
        _numbers(_field(ITEM), 4, features),
        [
            [math.log(3), 2 / 4, 1 / 2],  # twice among four, one behaviour since
            [math.log(2), 1 / 4, 1.0],  # the very latest
            [0.0, 0.0, 0.0],
            [0.0, 0.0, 0.0],  # a candidate that is only padding
        ],
        rtol=1e-6,
    )


def test_only_the_last_ones() -> None:
    features = {"history_item_key": [7, 8, 7, 9], "candidate_item_key": [7, 8]}
    numbers = _numbers(_field(ITEM, last=2), 4, features)
    np.testing.assert_allclose(numbers, [[math.log(2), 1 / 2, 1 / 2], [0.0, 0.0, 0.0]], rtol=1e-6)


def test_by_value_with_the_rest_together() -> None:
    features = {
        "history_item_key": [7, 7, 7, 7, 8],
        "history_action": [1, 2, 3, 0, 1],
        "candidate_item_key": [7],
    }
    numbers = _numbers(_field(ITEM, by="action", values=2), 5, features)
    np.testing.assert_allclose(numbers[0, 3:], np.log1p([1, 1, 2]), rtol=1e-6)


def test_any_value_in_common_but_no_shared_bucket() -> None:
    features = {
        "history_tags": [[1, 2], [3, 0], [5, 4]],
        "candidate_tags": [[2, 3], [5, 6], [0, 0]],
    }
    counts = _numbers(_field(TAGS), 3, features)[:, 0]
    np.testing.assert_allclose(counts, [math.log(3), 0, 0], rtol=1e-6)


def test_all_fields_must_match() -> None:
    features = {
        "history_item_key": [7, 7],
        "candidate_item_key": [7],
        "history_tags": [[1, 0], [2, 0]],
        "candidate_tags": [[2, 0]],
    }
    np.testing.assert_allclose(
        _numbers(_field(ITEM, TAGS), 2, features), [[math.log(2), 1 / 2, 1]], rtol=1e-6
    )


def _by_pairs(
    history: list[int], actions: list[int], candidate: int, last: int | None, values: int
) -> list[float]:
    """The definition, one behaviour at a time, the latest first."""
    looked_at = list(zip(history, actions, strict=True))[::-1][:last]
    ages = [age for age, (item, _) in enumerate(looked_at) if item == candidate]
    counts = [0] * (values + 1)
    for age in ages:
        action = looked_at[age][1]
        counts[action - 1 if 0 < action <= values else values] += 1
    share = len(ages) / len(looked_at) if looked_at else 0
    recency = 1 / (1 + ages[0]) if ages else 0
    return [math.log1p(len(ages)), share, recency, *map(math.log1p, counts)]


@settings(max_examples=40)
@given(
    behaviors=st.lists(st.tuples(st.integers(1, 4), st.integers(0, 3)), max_size=6),
    candidates=st.lists(st.integers(1, 5), min_size=1, max_size=4),
    last=st.none() | st.integers(1, 7),
    padding=st.integers(0, 3),
)
def test_the_same_as_one_pair_at_a_time(
    behaviors: list[tuple[int, int]], candidates: list[int], last: int | None, padding: int
) -> None:
    history = [item for item, _ in behaviors]
    actions = [action for _, action in behaviors]
    columns = max(len(history) + padding, 1)
    features = {
        "history_item_key": history + [0] * (columns - len(history)),
        "history_action": actions + [0] * (columns - len(history)),
        "candidate_item_key": candidates,
    }
    numbers = _numbers(_field(ITEM, last=last, by="action", values=2), len(history), features)
    expected = [_by_pairs(history, actions, candidate, last, 2) for candidate in candidates]
    np.testing.assert_allclose(numbers, expected, rtol=1e-5)


@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16"])
def test_keys_of_any_size_are_told_apart_in_every_precision(policy: str) -> None:
    large = 2**31 - 2
    features = {
        "history_item_key": tf.constant([[large]], tf.int64),
        "candidate_item_key": tf.constant([[large, large - 1]], tf.int64),
    }
    layer = MatchCounts([_field(ITEM)], dtype=policy)
    numbers = layer(layer.user_state(features), tf.constant([[True]]), features)
    assert (numbers[0, :, 1].numpy() == [1, 0]).all()
