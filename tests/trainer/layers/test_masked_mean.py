"""The mean over real positions."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from trainer.layers.masked_mean import masked_mean


def test_padding_does_not_count_and_nothing_gives_zero() -> None:
    vectors = tf.constant([[[1.0, 4.0], [3.0, 0.0], [50.0, 50.0]], [[7.0, 7.0]] * 3])
    mask = tf.constant([[True, True, False], [False, False, False]])
    np.testing.assert_allclose(masked_mean(vectors, mask), [[2.0, 2.0], [0.0, 0.0]])
