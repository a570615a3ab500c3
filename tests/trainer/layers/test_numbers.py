"""The numbers that a head reads."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

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


def test_without_numbers_there_is_nothing_to_give() -> None:
    assert Numbers(toy_fields().of("context")).width == 0
