"""What attention is told of a history's length."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from tests.trainer.layers.harness import randomise, run_layer_test
from trainer.layers.length_condition import LengthCondition

MASK = np.arange(6)[None] < np.array([[0], [1], [6]])


def _gate(layer: Any, mask: Any) -> tf.Tensor:
    scale, shift, gate = layer(mask)
    return scale + shift + gate


def test_harness() -> None:
    run_layer_test(
        lambda: LengthCondition(4),
        _gate,
        [MASK],
        shape=(3, 1, 4),
        parameters=(2 * 16 + 16) + (16 * 12 + 12),
    )


def test_before_training_no_length_makes_a_difference() -> None:
    scale, shift, gate = LengthCondition(4)(MASK)
    assert (scale.numpy() == 1).all() and (shift.numpy() == 0).all() and (gate.numpy() == 1).all()


def test_each_length_has_a_condition_of_its_own() -> None:
    layer = LengthCondition(4)
    layer(MASK)
    randomise(layer)
    none, one, six = layer(MASK).gate.numpy()
    assert not np.allclose(none, one) and not np.allclose(one, six)
    # Which positions are real doesn't matter, only how many.
    np.testing.assert_allclose(layer(MASK[:, ::-1]).gate.numpy(), [none, one, six], atol=1e-6)
