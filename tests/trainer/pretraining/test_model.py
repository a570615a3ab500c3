"""Cloze pre-training finds a planted pattern, and reports its losses."""

from __future__ import annotations

import pytest
import tensorflow as tf
import tf_keras as keras

from tests.testing_trainer import no_catalog, random_features
from tests.trainer.pretraining.planted import planted_batches, planted_fields
from trainer.config import EncoderConfig
from trainer.fields import Fields
from trainer.models.fg_bert import FGBert
from trainer.pretraining.cloze_config import ClozeConfig, MaskingConfig
from trainer.pretraining.masking import mask_history
from trainer.pretraining.model import ClozeModel

NAMES = ("item_id", "brand", "tags", "action")


@pytest.fixture(scope="module")
def fields() -> Fields:
    return planted_fields()


def _model(fields: Fields, dropout: float = 0.0) -> ClozeModel:
    keras.utils.set_random_seed(0)
    encoder = FGBert(fields, EncoderConfig(dim=16, heads=2, layers=1, feedforward=32, dropout=dropout))
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
    model, batches = _model(fields, dropout=0.5), planted_batches(fields, 0, 1)
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
