"""Replaced token detection: what is replaced by what, its loss by hand, and that it learns a
planted pattern."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras

from tests.trainer.pretraining.planted import (
    ITEMS,
    planted,
    planted_batches,
    planted_catalog,
    planted_fields,
)
from trainer.config import EncoderConfig
from trainer.models.fg_bert import FGBert
from trainer.pretraining.electra import Electra
from trainer.pretraining.electra_config import ElectraConfig


@pytest.fixture
def model() -> Electra:
    keras.utils.set_random_seed(0)
    encoder = FGBert(
        planted_fields(), EncoderConfig(dim=16, heads=2, layers=2, feedforward=32, dropout=0.0)
    )
    return Electra(encoder, ElectraConfig(), planted_catalog())


def test_replaced_items_bring_their_side_information(model: Electra) -> None:
    targets = planted(0, rows=2)
    catalog = planted_catalog()
    cells = tf.constant([[True, False, False, False, False, True], [False] * 6])
    drawn = tf.constant([3, 8], tf.int64)
    replaced = model.replace(targets, cells, drawn)
    for name in ("brand", "tags"):
        found = replaced[f"history_{name}"].numpy()
        np.testing.assert_array_equal(found[cells], catalog.tables[name].numpy()[drawn])
        np.testing.assert_array_equal(found[~cells], targets[f"history_{name}"].numpy()[~cells])
    assert replaced["history_item_id"].numpy()[cells].tolist() == [3, 8]
    assert replaced["history_action"] is targets["history_action"]


def test_the_generator_reads_what_the_encoder_reads() -> None:
    encoder = FGBert(
        planted_fields(), EncoderConfig(dim=8, heads=2, layers=2, feedforward=16, without=("tags",))
    )
    model = Electra(encoder, ElectraConfig(), planted_catalog())
    assert model.generator.fields == encoder.fields != planted_fields()


def test_losses_and_accuracy_by_hand(model: Electra, monkeypatch: pytest.MonkeyPatch) -> None:
    batch = next(iter(planted_batches(model.encoder.fields, 0, 1, behavior_rate=0.0)))
    model(batch)
    cells = batch["item_mask"].numpy()
    items = batch["targets"]["history_item_id"].numpy()
    drawn = np.resize(np.arange(1, ITEMS + 1), cells.sum())
    monkeypatch.setattr(model, "draw", lambda guesses: tf.constant(drawn, tf.int64))
    model.reset_metrics()
    output = model(batch).numpy()
    hidden = model.hidden(output)
    logits = model.detect(hidden).numpy()[..., 0]
    replaced = np.zeros(cells.shape, bool)
    replaced[cells] = drawn != items[cells]
    chance = 1 / (1 + np.exp(-logits))
    expected = -np.where(replaced, np.log(chance), np.log(1 - chance)).mean()
    logged = {name: float(mean.result()) for name, mean in model.averages.items()}
    assert logged["detection_loss"] == pytest.approx(expected, rel=1e-4)
    assert logged["detection_accuracy"] == pytest.approx(((logits > 0) == replaced).mean())
    assert logged["replaced"] == pytest.approx(replaced.mean())
    total = sum(float(loss) for loss in model.losses)
    assert total == pytest.approx(
        logged["generator_loss"] + 50 * logged["detection_loss"], rel=1e-4
    )


@pytest.mark.slow
def test_replacements_in_a_planted_pattern_are_detected(
    model: Electra, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The generator would soon be right; any item in its place keeps the task."""
    fields = model.encoder.fields
    monkeypatch.setattr(
        model, "draw", lambda x: tf.random.uniform([tf.shape(x)[0]], 1, ITEMS + 1, tf.int64)
    )
    model.compile(keras.optimizers.Adam(0.01))
    model.fit(planted_batches(fields, 0, 100), verbose=0)
    scores = model.evaluate(planted_batches(fields, 1000, 4), verbose=0, return_dict=True)
    assert scores["replaced"] > 0.1
    assert scores["detection_accuracy"] > 1 - scores["replaced"] / 2, (
        scores
    )  # all "original" misses all of them


def test_the_generator_shares_the_embeddings_only(model: Electra) -> None:
    model(next(iter(planted_batches(model.encoder.fields, 0, 1))))
    shared = {id(w) for w in model.generator.weights} & {id(w) for w in model.encoder.weights}
    assert shared == {id(table.table) for table in model.encoder.embeddings.values()}
