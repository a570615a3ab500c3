"""Attention over projected keys and values."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from tests.trainer.layers import reference
from tests.trainer.layers.inputs import CANDIDATES, HISTORY, MASK, B, D, L, random
from trainer.layers.attention import attend, attention_weights, masked_softmax


@pytest.mark.parametrize("heads", [1, 2, 4])
def test_attend_equals_loops_over_real_cells(heads: int) -> None:
    values = random(B, L, D, seed=5)
    queries, keys, mask = (tf.constant(x) for x in (CANDIDATES, HISTORY, MASK))
    attended = attend(queries, keys, tf.constant(values), mask, heads)
    np.testing.assert_allclose(
        attended, reference.attention(CANDIDATES, HISTORY, values, MASK, heads), atol=1e-6
    )
    assert not attended[2].numpy().any()


@pytest.mark.parametrize("scale", [1e4, -1e4])
def test_masked_softmax_is_stable_and_ignores_masked_logits(scale: float) -> None:
    logits = tf.constant([[scale, scale, -3 * scale]])
    mask = tf.constant([[True, True, False]])
    np.testing.assert_allclose(masked_softmax(logits, mask), [[0.5, 0.5, 0.0]])


def test_masked_softmax_has_finite_gradients_where_all_is_masked() -> None:
    logits = tf.Variable([[1.0, 2.0], [3.0, 4.0]])
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(
            masked_softmax(logits, tf.constant([[False, False], [True, True]])) * [1.0, 2.0]
        )
    gradient = tape.gradient(loss, logits).numpy()
    assert np.isfinite(gradient).all() and gradient[1].any() and not gradient[0].any()


@pytest.mark.parametrize("heads", [1, 2])
def test_weights_are_those_that_attend_weighs_values_by(heads: int) -> None:
    values = random(B, L, D, seed=5)
    candidates, history, mask = (tf.constant(x) for x in (CANDIDATES, HISTORY, MASK))
    weights = attention_weights(candidates, history, mask, heads).numpy()
    by_head = np.split(values, heads, axis=-1)
    expected = np.concatenate([weights[:, h] @ by_head[h] for h in range(heads)], axis=-1)
    np.testing.assert_allclose(
        attend(candidates, history, tf.constant(values), mask, heads), expected, atol=1e-6
    )


def test_weights_sum_to_one_over_real_behaviours() -> None:
    queries, keys, mask = (tf.constant(x) for x in (CANDIDATES, HISTORY, MASK))
    weights = attention_weights(queries, keys, mask, heads=2).numpy()
    padding = np.broadcast_to(np.logical_not(MASK)[:, None, None, :], weights.shape)
    assert not weights[padding].any()
    np.testing.assert_allclose(
        weights.sum(-1),
        np.broadcast_to(np.any(MASK, axis=1, keepdims=True)[:, None], weights.shape[:3]),
        rtol=1e-6,
    )
