"""S3-Rec's four objectives against NumPy, and on planted attributes and sequences."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras

from tests.trainer.pretraining.planted import planted_batches, planted_catalog, planted_fields
from trainer.config import EncoderConfig
from trainer.models.fg_bert import FGBert
from trainer.pretraining.s3rec import S3Rec
from trainer.pretraining.s3rec_config import S3RecConfig
from trainer.pretraining.segments import keep_cells, last_real, random_segments


@pytest.fixture
def model() -> S3Rec:
    keras.utils.set_random_seed(0)
    encoder = FGBert(
        planted_fields(), EncoderConfig(dim=16, heads=2, layers=1, feedforward=32, dropout=0.0)
    )
    return S3Rec(encoder, S3RecConfig(), planted_catalog())


def test_attribute_and_item_losses_by_hand(model: S3Rec, monkeypatch: pytest.MonkeyPatch) -> None:
    batch = next(iter(planted_batches(model.encoder.fields, 0, 1)))
    model(batch)
    items = batch["targets"]["history_item_id"]
    monkeypatch.setattr(model, "_random_items", lambda like: (like + 2) % 8 + 1)
    model.reset_metrics()
    output = model(batch).numpy()
    cells = batch["item_mask"].numpy()
    weights = {name: w.kernel.numpy() for name, w in model.bilinear.items()}
    embed = model.encoder.embeddings["item_id"]
    own = embed(items).numpy()
    other = embed((items + 2) % 8 + 1).numpy()
    attributes = {name: batch["targets"][f"history_{name}"].numpy() for name in ("brand", "tags")}
    truths = {
        "brand": _one_hot(attributes["brand"][..., None]),
        "tags": _one_hot(attributes["tags"]),
    }
    mip = output @ weights["mip"]
    expected = {"mip": np.log1p(np.exp((mip * (other - own)).sum(-1)))[cells].mean()}
    for kind, vectors, chosen in (("aap", own, ~cells), ("map", output, cells)):
        parts = []
        for name, truth in truths.items():
            table = model.encoder.embeddings[name].table.numpy()[1:5]
            chance = 1 / (1 + np.exp(-(vectors @ weights[f"{kind}_{name}"] @ table.T)))
            parts.append(
                -np.where(truth, np.log(chance), np.log(1 - chance)).mean(-1)[chosen].mean()
            )
        expected[kind] = np.mean(parts)
    for kind, value in expected.items():
        assert float(model.averages[f"{kind}_loss"].result()) == pytest.approx(value, rel=1e-4), (
            kind
        )


def _one_hot(values: np.ndarray) -> np.ndarray:
    """[..., V] indices of 1 to 4 as Boolean [..., 4]."""
    return (values[..., None] == np.arange(1, 5)).any(-2)


@pytest.mark.slow
def test_every_objective_learns_from_a_planted_pattern(model: S3Rec) -> None:
    model.compile(keras.optimizers.Adam(0.02))
    fields = model.encoder.fields
    held_out = planted_batches(fields, 1000, 4)
    before = model.evaluate(held_out, verbose=0, return_dict=True)
    model.fit(planted_batches(fields, 0, 100), verbose=0)
    after = model.evaluate(held_out, verbose=0, return_dict=True)
    for name in ("aap", "mip", "map", "sp"):
        assert after[f"{name}_loss"] < before[f"{name}_loss"] - 0.01, (name, before, after)
    assert after["aap_loss"] < 0.05, "attributes are a function of the item"


def test_an_encoder_of_ids_alone_has_no_attributes() -> None:
    encoder = FGBert(
        planted_fields(), EncoderConfig(features="ids", dim=16, heads=2, layers=1, feedforward=32)
    )
    model = S3Rec(encoder, S3RecConfig(), planted_catalog())
    model(next(iter(planted_batches(encoder.fields, 0, 1))))
    assert set(model.bilinear) == {"mip", "sp"}


def test_segments_are_runs_of_at_most_half_the_behaviours() -> None:
    lengths = np.tile([0, 1, 2, 5, 6], 60)
    real = np.arange(6) < lengths[:, None]
    inside = random_segments(tf.constant(real)).numpy()
    assert not (inside & ~real).any()
    sizes = inside.sum(1)
    assert (sizes <= lengths // 2).all() and (sizes[lengths >= 2] >= 1).all()
    assert {*sizes[lengths == 6]} == {1, 2, 3}
    starts = np.diff(np.pad(inside, ((0, 0), (1, 0))).astype(int), axis=1) == 1
    assert (starts.sum(1) <= 1).all() and inside[lengths == 6].any(0).all()


def test_a_segment_alone_has_padding_around_it() -> None:
    cells = tf.constant([[False, True, True, False]])
    kept = keep_cells(
        {"a": tf.constant([[1, 2, 3, 4]], tf.int64), "b": tf.ones([1, 4, 2], tf.int64)}, cells
    )
    assert kept["a"].numpy().tolist() == [[0, 2, 3, 0]]
    assert kept["b"].numpy().sum(-1).tolist() == [[0, 2, 2, 0]]
    vectors = tf.reshape(tf.range(8.0), [1, 4, 2])
    assert last_real(vectors, cells).numpy().tolist() == [[4.0, 5.0]]
