"""The masks' guarantees, and that nothing hidden is shown."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.testing_trainer import random_features, toy_fields, toy_spec
from trainer.fields import Fields
from trainer.pretraining.cloze_config import MaskingConfig
from trainer.pretraining.masking import mask_history

FIELDS = toy_fields(toy_spec(history={"length": 50}))
RATES = st.sampled_from([(0.2, 0.2), (0.05, 0.0), (0.0, 0.3), (0.6, 0.35), (0.01, 0.01)])


def _masked(
    features: Any, rates: tuple[float, float] = (0.2, 0.2), seed: int = 0, fields: Fields = FIELDS
) -> Any:
    config = MaskingConfig(item_rate=rates[0], behavior_rate=rates[1])
    return mask_history(features, fields, config, tf.constant([seed, 2 * seed], tf.int64))


def _masks(batch: Any) -> tuple[np.ndarray, np.ndarray]:
    return batch["item_mask"].numpy(), batch["behavior_mask"].numpy()


@settings(max_examples=30)
@given(st.lists(st.integers(0, 9), min_size=1, max_size=6), RATES, st.integers(0, 10**6))
def test_masks_are_disjoint_real_and_neither_none_nor_all(
    lengths: list[int], rates: Any, seed: int
) -> None:
    features = random_features(FIELDS, lengths, seed=seed)
    items, behaviors = _masks(_masked(features, rates, seed))
    hidden = items | behaviors
    assert not (items & behaviors).any()
    assert not hidden[features["history_item_id"].numpy() == 0].any()
    for length, count in zip(lengths, hidden.sum(1), strict=True):
        assert (1 <= count < length) if length >= 2 else count == 0
    assert rates[0] > 0 or not items.any()
    assert rates[1] > 0 or not behaviors.any()


@settings(max_examples=15)
@given(st.lists(st.integers(0, 9), min_size=1, max_size=6), st.integers(0, 10**6))
def test_hidden_values_never_reach_the_features(lengths: list[int], seed: int) -> None:
    features = random_features(FIELDS, lengths, seed=seed)
    others = random_features(FIELDS, lengths, seed=seed + 1)
    batch = _masked(features, seed=seed)
    changed = {}
    for field in FIELDS.of("history"):
        is_hidden = batch[_mask_of(field)]
        changed[field.name] = _where(is_hidden, others[field.name], features[field.name])
    again = _masked(changed, seed=seed)["features"]
    for field in FIELDS.of("history"):
        np.testing.assert_array_equal(
            again[field.name], batch["features"][field.name], err_msg=field.name
        )


def _mask_of(field: Any) -> str:
    return "item_mask" if field.feature.describes_item else "behavior_mask"


def _where(mask: tf.Tensor, x: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
    return tf.where(tf.reshape(mask, [*mask.shape, *[1] * (x.shape.rank - 2)]), x, y)


def test_hidden_cells_hold_the_mask_index_and_all_others_and_the_targets_their_value() -> None:
    features = random_features(FIELDS, [9, 5, 1])
    batch = _masked(features)
    for field in FIELDS.of("history"):
        hidden = batch[_mask_of(field)].numpy()
        shown = batch["features"][field.name].numpy()
        expected = [field.size, 0] if field.multivalent else field.size
        assert hidden.any() and (shown[hidden] == expected).all(), field.name
        np.testing.assert_array_equal(shown[~hidden], features[field.name].numpy()[~hidden])
        np.testing.assert_array_equal(batch["targets"][field.name], features[field.name])
        assert shown.dtype == np.int64
    assert set(batch["features"]) == {field.name for field in FIELDS.of("history")}


def test_the_seed_decides_the_masks() -> None:
    features = random_features(FIELDS, [50] * 4)
    first, again, other = (_masks(_masked(features, seed=seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert (np.array(first) != np.array(other)).any(axis=(1, 2)).all()
    assert len({tuple(row) for row in first[0]}) == 4


@pytest.mark.parametrize("rates", [(0.2, 0.2), (0.33, 0.05), (0.0, 0.5)])
@pytest.mark.parametrize("length", [7, 50])
def test_rates_are_met_on_average_and_positions_are_uniform(
    rates: tuple[float, float], length: int
) -> None:
    sequences = 4000
    items, behaviors = _masks(_masked(random_features(FIELDS, [length] * sequences), rates))
    for mask, rate in zip((items, behaviors), rates, strict=True):
        assert mask.mean() == pytest.approx(rate, abs=0.01)
        assert np.abs(mask.sum(1) - rate * length).max() < 1.001
        np.testing.assert_allclose(mask.mean(0), rate, atol=5 * np.sqrt(0.25 / sequences))


def test_without_behaviour_fields_only_items_are_hidden() -> None:
    fields = toy_fields(toy_spec(features={"item": {"brand": {"kind": "categorical"}}}))
    items, behaviors = _masks(
        _masked(random_features(fields, [4, 3, 2]), (0.1, 0.8), fields=fields)
    )
    assert not behaviors.any() and (items.sum(1) >= 1).all()


def test_multivalent_behaviour_features_are_hidden_too() -> None:
    fields = toy_fields(
        toy_spec(features={"behavior": {"notes": {"kind": "multivalent", "max_values": 3}}})
    )
    batch = _masked(random_features(fields, [4, 4]), (0.0, 0.5), fields=fields)
    hidden = batch["behavior_mask"].numpy()
    assert hidden.sum() == 4
    assert (batch["features"]["history_notes"].numpy()[hidden] == [7, 0, 0]).all()
