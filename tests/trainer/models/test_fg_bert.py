"""FG-BERT against a NumPy reference, and its invariants."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from tests.testing_trainer import pad_axis, random_features, toy_fields, toy_spec
from tests.trainer.layers import reference
from tests.trainer.layers.harness import randomise
from trainer.config import EncoderConfig
from trainer.fields import Fields
from trainer.models.fg_bert import FGBert

LENGTHS = (4, 2, 0, 1)


@pytest.fixture(scope="module")
def encoder() -> FGBert:
    return _built(toy_fields())


def _built(fields: Fields) -> FGBert:
    model = FGBert(fields, EncoderConfig(dim=8, heads=2, layers=2, feedforward=16))
    model(random_features(fields, LENGTHS))
    randomise(model)
    return model


def test_output_equals_the_formula(encoder: FGBert) -> None:
    features = random_features(encoder.fields, LENGTHS)
    mask = features["history_item_id"].numpy() > 0
    x = np.zeros((*mask.shape, 8))
    for b, cell in np.argwhere(mask):
        later = mask[b, cell + 1 :].sum()
        values = {}
        for field in encoder.fields.of("history"):
            values[field.field] = features[field.name].numpy()[b, cell]
        x[b, cell] = (
            _sum_of_embeddings(encoder, values) + encoder.position.embeddings.numpy()[later + 1]
        )
    x = reference.layer_norm(encoder.norm, x)
    encoded = encoder(features)
    for layer, offered in zip(encoder.stack, encoded.layers, strict=True):
        np.testing.assert_allclose(
            offered.keys.numpy()[mask], reference.dense(layer.key, x)[mask], atol=1e-4
        )
        x = reference.encoder_layer(layer, x, mask)
    np.testing.assert_array_equal(encoded.mask, mask)
    np.testing.assert_allclose(encoded.output.numpy()[mask], x[mask], atol=1e-4)


def test_candidate_is_a_behaviour_at_position_0_whose_own_features_are_hidden(
    encoder: FGBert,
) -> None:
    features = random_features(encoder.fields, LENGTHS, candidates=2)
    expected = np.zeros((len(LENGTHS), 2, 8))
    for b, n in np.ndindex(len(LENGTHS), 2):
        values = {}
        for field in encoder.fields.item:
            values[field.field] = features[f"candidate_{field.field}"].numpy()[b, n]
        values |= {field.field: field.size for field in encoder.fields.behavior}
        expected[b, n] = (
            _sum_of_embeddings(encoder, values) + encoder.position.embeddings.numpy()[0]
        )
    expected = reference.layer_norm(encoder.norm, expected)
    np.testing.assert_allclose(encoder.embed_candidates(features), expected, atol=1e-4)


def _sum_of_embeddings(encoder: FGBert, values: dict[str, np.ndarray]) -> np.ndarray:
    total = np.zeros(8)
    for field, value in values.items():
        present = np.atleast_1d(value)[np.atleast_1d(value) > 0]
        if len(present):
            total += encoder.embeddings[field].table.numpy()[present].mean(0)
    return total


@pytest.mark.parametrize(("before", "after"), [(0, 3), (2, 0), (1, 2)])
def test_padding_anywhere_changes_nothing(encoder: FGBert, before: int, after: int) -> None:
    features = random_features(encoder.fields, LENGTHS)
    plain = encoder(features)
    padded = encoder(pad_axis(features, "history", before, after))
    real = plain.mask.numpy()
    cells = padded.output.numpy()[:, before : before + real.shape[1]]
    np.testing.assert_allclose(cells[real], plain.output.numpy()[real], atol=1e-5)


def test_every_history_field_and_the_order_change_the_output(encoder: FGBert) -> None:
    features = random_features(encoder.fields, [3])
    output = encoder(features).output.numpy()
    assert not np.allclose(encoder(_reversed(features)).output.numpy()[:, ::-1], output, atol=1e-3)
    for field in encoder.fields.of("history"):
        other = tf.where(features[field.name] > 0, features[field.name] % (field.size - 1) + 1, 0)
        changed = encoder({**features, field.name: other}).output.numpy()
        assert not np.allclose(changed, output, atol=1e-3), field.name


def _reversed(features: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    return {name: x[:, ::-1] if name.startswith("history_") else x for name, x in features.items()}


def test_features_left_out_have_to_be_there() -> None:
    with pytest.raises(ValueError, match=r"tags, brand.*Received: \['colour'\]"):
        FGBert(toy_fields(), EncoderConfig(without=("colour", "gap")))


def test_fields_of_ids_alone_are_enough() -> None:
    fields = toy_fields(toy_spec(features={}))
    features = random_features(fields, LENGTHS)
    encoder = _built(fields)
    assert set(encoder.embeddings) == {"item_id"}
    assert (
        np.isfinite(encoder(features).output).all()
        and np.isfinite(encoder.embed_candidates(features)).all()
    )
