"""Cloze pre-training finds a planted pattern, and reports its losses."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras

from tests.testing_trainer import no_catalog, random_features
from tests.trainer.pretraining.planted import planted_batches, planted_fields
from trainer.config import EncoderConfig
from trainer.fields import Fields
from trainer.models.fg_bert import FGBert
from trainer.optimizer import build_optimizer
from trainer.optimizer_config import OptimizerConfig
from trainer.padding import pad_batch, pad_columns, pad_rows
from trainer.pretraining.cells import hidden_cells
from trainer.pretraining.cloze import ClozeModel
from trainer.pretraining.cloze_config import ClozeConfig, MaskingConfig
from trainer.pretraining.masking import mask_history

NAMES = ("item_id", "brand", "tags", "action")


@pytest.fixture(scope="module")
def fields() -> Fields:
    return planted_fields()


def _model(fields: Fields, dropout: float = 0.0) -> ClozeModel:
    keras.utils.set_random_seed(0)
    encoder = FGBert(
        fields, EncoderConfig(dim=16, heads=2, layers=1, feedforward=32, dropout=dropout)
    )
    return ClozeModel(encoder, ClozeConfig(), no_catalog(fields))


@pytest.mark.slow
def test_a_planted_pattern_is_found(fields: Fields) -> None:
    model = _model(fields)
    model.compile(keras.optimizers.Adam(0.02))
    model.fit(planted_batches(fields, 0, 100), verbose=0)
    scores = model.evaluate(planted_batches(fields, 1000, 4), verbose=0, return_dict=True)
    for name in NAMES:
        assert scores[f"{name}_accuracy"] > 0.8, (name, scores)


def test_loss_is_the_sum_of_the_attributes_mean_losses_over_hidden_cells(fields: Fields) -> None:
    model = _model(fields, dropout=0.5)
    batches = planted_batches(fields, 0, 1)
    model.compile(run_eagerly=True)
    scores = model.evaluate(batches, verbose=0, return_dict=True)
    assert scores["loss"] == pytest.approx(sum(scores[f"{name}_loss"] for name in NAMES), rel=1e-5)
    batch = next(iter(batches))
    encoded = model.encoder(batch["features"]).output
    for name, mask in (("brand", "item_mask"), ("action", "behavior_mask")):
        cells = batch[mask]
        targets = batch["targets"][f"history_{name}"]
        loss, correct, _ = model.heads[name](encoded[cells], targets[cells])
        assert scores[f"{name}_loss"] == pytest.approx(float(tf.reduce_mean(loss)), rel=1e-5)
        assert scores[f"{name}_accuracy"] == pytest.approx(
            float(tf.reduce_mean(tf.cast(correct, tf.float32)))
        )


@pytest.mark.slow
@pytest.mark.parametrize("above", [50_000, 3], ids=["full", "sampled"])
def test_by_xla_it_loses_the_same(fields: Fields, above: int) -> None:
    losses = []
    for jit_compile in (False, True):
        config = ClozeConfig(sampled_softmax_above=above, sampled_classes=min(above, 100))
        keras.utils.set_random_seed(0)  # also of what is dropped
        encoder = FGBert(fields, EncoderConfig(dim=16, heads=2, layers=1, feedforward=32))
        model = ClozeModel(encoder, config, no_catalog(fields))
        model.compile(build_optimizer(OptimizerConfig(), 4), jit_compile=jit_compile)
        batches = planted_batches(fields, 0, 4)
        losses.append([model.train_on_batch(batch, reset_metrics=True) for batch in batches])
    np.testing.assert_allclose(losses[1], losses[0], rtol=1e-4)


def test_cells_counted_by_shape_are_the_same_and_more_of_no_weight() -> None:
    features = {
        "history_item_id": tf.constant([[1] * 9 + [0], [1] * 4 + [0] * 6, [0] * 10], tf.int64)
    }
    fields = planted_fields().ids_only()
    for seed in range(20):
        batch = mask_history(features, fields, MaskingConfig(item_rate=0.3), tf.constant([seed, 0]))
        exact = hidden_cells(batch["item_mask"], 0.3, False)
        padded = hidden_cells(batch["item_mask"], 0.3, True)
        assert padded.index.shape == (3 * 4,)
        assert len(set(padded.index.numpy())) == len(padded.index)
        np.testing.assert_array_equal(padded.index[padded.weight > 0], exact.index)
        np.testing.assert_array_equal(exact.weight, 1.0)
    values = tf.reshape(tf.range(60), [3, 10, 2])
    np.testing.assert_array_equal(exact.of(values), tf.boolean_mask(values, batch["item_mask"]))


def test_losses_are_exact_under_padding(fields: Fields) -> None:
    model = _model(fields)
    batch = next(iter(planted_batches(fields, 0, 1)))
    model.compile(run_eagerly=True)
    exact = model.test_on_batch(batch, return_dict=True)
    rows, columns = batch["item_mask"].shape
    padded: dict[str, Any] = {}
    for name in ("features", "targets"):
        padded[name] = pad_batch(batch[name], rows + 3, columns + 2)
    for name in ("item_mask", "behavior_mask"):
        padded[name] = pad_columns(pad_rows(batch[name], rows + 3), columns + 2)
    model.reset_metrics()
    for name, value in model.test_on_batch(padded, return_dict=True).items():
        assert value == pytest.approx(exact[name], rel=1e-4), name


def test_batches_with_nothing_to_predict_have_loss_0(fields: Fields) -> None:
    model = _model(fields)
    features = random_features(fields, [0, 1])
    batch = mask_history(features, fields, MaskingConfig(), tf.constant([0, 0]))
    model(batch)
    assert sum(float(loss) for loss in model.losses) == 0.0
