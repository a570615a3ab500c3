"""A field's embeddings."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from tests.trainer.layers.harness import randomise, run_layer_test
from tests.trainer.layers.inputs import D
from trainer.layers.field_embedding import FieldEmbedding


def test_harness() -> None:
    run_layer_test(
        lambda: FieldEmbedding(5, D, multivalent=True),
        lambda layer, indices: layer(indices),
        [np.array([[[1, 2], [0, 0]], [[5, 0], [3, 3]]])],
        shape=(2, 2, D),
        parameters=6 * D,
    )


def test_field_embedding_looks_up_and_gives_zeros_for_index_0() -> None:
    layer = FieldEmbedding(3, D)
    layer(tf.constant([0]))
    randomise(layer)
    table = layer.table.numpy()
    assert layer.mask_index == 3
    np.testing.assert_array_equal(
        layer(tf.constant([[0, 2], [3, 1]])), [[np.zeros(D), table[2]], [table[3], table[1]]]
    )


def test_multivalent_field_embedding_is_the_mean_of_the_values_that_are_there() -> None:
    layer = FieldEmbedding(4, D, multivalent=True)
    layer(tf.constant([[0]]))
    randomise(layer)
    table = layer.table.numpy()
    expected = [(table[1] + table[2]) / 2, table[3], np.zeros(D), (2 * table[1] + table[3]) / 3]
    np.testing.assert_allclose(
        layer(tf.constant([[1, 2, 0], [0, 3, 0], [0, 0, 0], [1, 1, 3]])), expected, rtol=1e-6
    )


@pytest.mark.parametrize(
    ("make", "received"),
    [
        (lambda: FieldEmbedding(0, 4), "size=0, dim=4"),
        (lambda: FieldEmbedding(4, 0), "size=4, dim=0"),
    ],
)
def test_impossible_sizes_are_refused(make: Any, received: str) -> None:
    with pytest.raises(ValueError, match=f"Received: {received}"):
        make()
