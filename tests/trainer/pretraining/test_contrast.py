"""The contrastive loss against its definition, and windows that it must not count."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from trainer.models.fg_bert import Encoded
from trainer.pretraining.contrast import contrast

LENGTHS, LENGTH, DIM = (3, 1, 2, 4), 4, 5
RNG = np.random.default_rng(3)
OURS, THEIRS = (RNG.normal(size=(len(LENGTHS), LENGTH, DIM)).astype(np.float32) for _ in range(2))


def _encoded(output: np.ndarray, lengths: tuple[int, ...] = LENGTHS) -> Encoded:
    return Encoded(tf.constant(output), tf.sequence_mask(lengths, LENGTH), [])


def _means(output: np.ndarray) -> np.ndarray:
    means = np.stack([row[:length].mean(0) for row, length in zip(output, LENGTHS, strict=True)])
    return means / np.linalg.norm(means, axis=1, keepdims=True)


def test_it_is_cross_entropy_over_cosines_in_both_directions() -> None:
    exponents = np.exp(_means(OURS) @ _means(THEIRS).T / 0.1)
    own = np.diag(exponents)
    expected = -(np.log(own / exponents.sum(1)) + np.log(own / exponents.sum(0))) / 2
    loss, correct, weight = contrast(_encoded(OURS), _encoded(THEIRS))
    np.testing.assert_allclose(loss, expected, rtol=1e-4)
    np.testing.assert_array_equal(correct, exponents.argmax(1) == np.arange(len(LENGTHS)))
    assert weight.numpy().all()


def test_a_window_is_told_from_others_by_itself() -> None:
    same, other = (contrast(_encoded(OURS), _encoded(theirs)) for theirs in (OURS, THEIRS))
    assert same.correct.numpy().all() and same.loss.numpy().mean() < other.loss.numpy().mean()


def test_empty_windows_have_no_weight_and_change_nothing() -> None:
    alone = contrast(_encoded(OURS[:3], LENGTHS[:3]), _encoded(THEIRS[:3], LENGTHS[:3]))
    lengths = (*LENGTHS[:3], 0)
    loss, correct, weight = contrast(_encoded(OURS, lengths), _encoded(THEIRS, lengths))
    np.testing.assert_array_equal(weight, [True, True, True, False])
    np.testing.assert_allclose(loss[:3], alone.loss, rtol=1e-6)
    np.testing.assert_array_equal(correct[:3], alone.correct)


@pytest.mark.parametrize("lengths", [(0, 0, 0, 0), (0, 1, 0, 0)])
def test_gradients_are_finite_where_there_is_nothing_to_tell_apart(lengths: tuple[int, ...]) -> None:
    output = tf.constant(OURS)
    with tf.GradientTape() as tape:
        tape.watch(output)
        encoded = Encoded(output, tf.sequence_mask(lengths, LENGTH), [])
        loss, _, weight = contrast(encoded, encoded)
        total = tf.reduce_sum(loss * tf.cast(weight, loss.dtype))
    assert np.isfinite(tape.gradient(total, output).numpy()).all() and float(total) == pytest.approx(0.0, abs=1e-5)
