"""Cloze pre-training finds a planted pattern, and reports its losses."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras

from tests.testing_trainer import random_features, toy_fields, toy_spec
from trainer.config import EncoderConfig, MaskingConfig, PretrainConfig
from trainer.fields import Fields
from trainer.models.fg_bert import FGBert
from trainer.pretraining.masking import mask_history
from trainer.pretraining.model import ClozeModel

FEATURES: dict[str, Any] = {
    "item": {"brand": {"kind": "categorical"}, "tags": {"kind": "multivalent", "max_values": 2}},
    "behavior": {"action": {"kind": "categorical"}},
}
LENGTH = 6
NAMES = ("item_id", "brand", "tags", "action")


@pytest.fixture(scope="module")
def fields() -> Fields:
    return toy_fields(toy_spec(features=FEATURES, history={"length": LENGTH}), items=9, size=5)


def _model(fields: Fields, dropout: float = 0.0) -> ClozeModel:
    keras.utils.set_random_seed(0)
    encoder = FGBert(fields, EncoderConfig(dim=16, heads=2, layers=1, feedforward=32, dropout=dropout))
    return ClozeModel(encoder, fields, PretrainConfig())


def _planted(seed: int) -> dict[str, tf.Tensor]:
    """Sequences of items that follow one another; brand, tags and action are functions of the item."""
    start = np.random.default_rng(seed).integers(0, 8, (64, 1))
    item = (start + np.arange(LENGTH)) % 8
    values = {"item_id": item + 1, "brand": item % 4 + 1, "action": item % 3 + 1}
    values["tags"] = np.stack([item % 2 + 1, np.where(item < 4, 0, 3)], -1)
    return {f"history_{name}": tf.constant(value, tf.int64) for name, value in values.items()}


def _batches(fields: Fields, first: int, count: int) -> tf.data.Dataset:
    config = MaskingConfig(item_rate=0.2, behavior_rate=0.2)
    batches = [mask_history(_planted(n), fields, config, tf.constant([n, n])) for n in range(first, first + count)]
    stacked = tf.nest.map_structure(lambda *parts: tf.stack(parts), *batches)
    return tf.data.Dataset.from_tensor_slices(stacked)


def test_a_planted_pattern_is_found(fields: Fields) -> None:
    model = _model(fields)
    model.compile(keras.optimizers.Adam(0.02))
    model.fit(_batches(fields, 0, 100), verbose=0)
    scores = model.evaluate(_batches(fields, 1000, 4), verbose=0, return_dict=True)
    for name in NAMES:
        assert scores[f"{name}_accuracy"] > 0.8, (name, scores)


def test_loss_is_the_sum_of_the_attributes_mean_losses_over_hidden_cells(fields: Fields) -> None:
    model, batches = _model(fields, dropout=0.5), _batches(fields, 0, 1)
    model.compile(run_eagerly=True)
    scores = model.evaluate(batches, verbose=0, return_dict=True)
    assert scores["loss"] == pytest.approx(sum(scores[f"{name}_loss"] for name in NAMES), rel=1e-5)
    batch = next(iter(batches))
    encoded = model.encoder(batch["features"]).output
    for name, mask in (("brand", "item_mask"), ("action", "behavior_mask")):
        cells, targets = batch[mask], batch["targets"][f"history_{name}"]
        loss, correct, _ = model.heads[name](encoded[cells], targets[cells])
        assert scores[f"{name}_loss"] == pytest.approx(float(tf.reduce_mean(loss)), rel=1e-5)
        assert scores[f"{name}_accuracy"] == pytest.approx(float(tf.reduce_mean(tf.cast(correct, tf.float32))))


def test_batches_with_nothing_to_predict_have_loss_0(fields: Fields) -> None:
    model = _model(fields)
    features = random_features(fields, [0, 1])
    batch = mask_history(features, fields, MaskingConfig(), tf.constant([0, 0]))
    model(batch)
    assert sum(float(loss) for loss in model.losses) == 0.0
