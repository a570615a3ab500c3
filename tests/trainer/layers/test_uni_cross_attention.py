"""Uni Cross-Attention."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from tests.trainer.layers import reference
from tests.trainer.layers.harness import randomise, run_layer_test
from tests.trainer.layers.inputs import CANDIDATES, HISTORY, MASK, B, D, L, N, random
from trainer.layers.attention import attention_weights
from trainer.layers.encoder_layer import EncoderLayer, KeysValues
from trainer.layers.uni_cross_attention import UniCrossAttention


def _cross_attend(layer: Any, candidates: Any, keys: Any, values: Any, mask: Any) -> Any:
    return layer(candidates, [KeysValues(keys, values), KeysValues(values, keys)], mask)


def test_harness() -> None:
    run_layer_test(
        lambda: UniCrossAttention(2, D, 2, 8, 0.1),
        _cross_attend,
        [CANDIDATES, HISTORY, HISTORY + 1, MASK],
        shape=(B, N, D),
        parameters=2 * (20 + 112),
    )


def test_uni_cross_attention_goes_through_the_layers_one_after_another() -> None:
    layer = UniCrossAttention(2, D, 2, 8)
    values = random(B, L, D, seed=7)
    _cross_attend(layer, CANDIDATES, HISTORY, values, MASK)
    randomise(layer)
    expected = CANDIDATES
    for i, (keys, offered) in enumerate([(HISTORY, values), (values, HISTORY)]):
        attended = reference.attention(
            reference.dense(layer.queries[i], expected), keys, offered, MASK, 2
        )
        expected = reference.add_attended(layer.add_attended[i], expected, attended)
    np.testing.assert_allclose(
        _cross_attend(layer, CANDIDATES, HISTORY, values, MASK), expected, atol=1e-5
    )


def test_its_weights_are_those_of_each_layer() -> None:
    layer = UniCrossAttention(2, D, 2, 8)
    values = random(B, L, D, seed=7)
    offered = [KeysValues(HISTORY, values), KeysValues(values, HISTORY)]
    layer(CANDIDATES, offered, MASK)
    randomise(layer)
    weights = layer.attention(CANDIDATES, offered, MASK)
    first = UniCrossAttention(1, D, 2, 8)
    first(CANDIDATES, offered[:1], MASK)
    first.set_weights([*layer.queries[0].get_weights(), *layer.add_attended[0].get_weights()])
    second = first(CANDIDATES, offered[:1], MASK)  # what the second layer's queries are made of
    for i, (queries, (keys, _)) in enumerate(zip((CANDIDATES, second), offered, strict=True)):
        projected = reference.dense(layer.queries[i], np.asarray(queries))
        np.testing.assert_allclose(
            weights[:, i], attention_weights(projected, keys, MASK, 2), atol=1e-6
        )


def test_started_from_the_encoder_it_encodes_behaviours_as_the_encoder_does() -> None:
    encoder = [EncoderLayer(D, 2, 8, name=f"layer_{i}") for i in range(2)]
    uca = UniCrossAttention(2, D, 2, 8)
    x = tf.constant(HISTORY)
    offered = []
    for number, layer in enumerate(encoder):
        layer(x, MASK)
        randomise(layer, seed=number)
        x, keys_values = layer(x, MASK)
        offered.append(keys_values)
    uca(CANDIDATES, offered, MASK)
    uca.start_from(encoder)
    np.testing.assert_allclose(uca(HISTORY, offered, MASK), x, atol=1e-5)


@pytest.mark.parametrize(
    ("make", "received"), [(lambda: UniCrossAttention(2, 4, 3, 8), "dim=4, heads=3")]
)
def test_impossible_sizes_are_refused(make: Any, received: str) -> None:
    with pytest.raises(ValueError, match=f"Received: {received}"):
        make()
