"""The numbers that a head reads."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from preprocessing.features import number_name
from tests.testing_trainer import toy_fields
from tests.trainer.layers.harness import randomise
from trainer.layers.numbers import BUCKET_WIDTH, Numbers


def test_a_number_is_given_as_it_is_with_whether_it_is_known_and_its_bucket() -> None:
    layer = Numbers(toy_fields().embedded("candidate"))
    assert [field.field for field in layer.fields] == ["price"]
    features = {
        "candidate_price": tf.constant([[3, 0, 1]], tf.int64),
        "candidate_price_NUMBER": tf.constant([[1.5, 0.0, 0.0]]),
    }
    layer(features)
    randomise(layer)
    table = layer.buckets[0].table.numpy()
    nothing = np.zeros(BUCKET_WIDTH)
    expected = [[1.5, 1, *table[3]], [0, 0, *nothing], [0, 1, *table[1]]]
    np.testing.assert_allclose(layer(features)[0], expected)
    assert layer.width == 2 + BUCKET_WIDTH


def test_many_numbers_are_looked_up_at_once_as_each_would_be_by_itself() -> None:
    fields = [field for field in toy_fields().all if field.number is not None]
    assert len(fields) > 1
    rng = np.random.default_rng(0)
    features = {}
    for field in fields:
        features[field.name] = tf.constant(rng.integers(0, field.size, [3, 5]))
        features[number_name(field.name)] = tf.constant(rng.normal(size=[3, 5]), tf.float32)
    layer = Numbers(fields)
    layer(features)
    randomise(layer)
    upstream = tf.constant(rng.normal(size=[3, 5, layer.width]), tf.float32)
    with tf.GradientTape(persistent=True) as tape:
        found = layer(features)
        parts = []
        for field, buckets in zip(fields, layer.buckets, strict=True):
            known = tf.cast(features[field.name] > 0, tf.float32)
            parts += [features[number_name(field.name)], known]
            parts += tf.unstack(buckets(features[field.name]), axis=-1)
        expected = tf.stack(parts, -1)
        losses = [tf.reduce_sum(values * upstream) for values in (found, expected)]
    np.testing.assert_allclose(found, expected)
    weights = layer.trainable_weights
    for weight, field in zip(weights, fields, strict=True):
        assert weight.name.endswith(f"/buckets_{field.name}/table:0")  # as checkpoints have it
    ours, theirs = (tape.gradient(loss, weights) for loss in losses)
    for gradient, one in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(gradient, tf.convert_to_tensor(one), atol=1e-5)


def test_without_numbers_there_is_nothing_to_give() -> None:
    assert Numbers(toy_fields().of("context")).width == 0
