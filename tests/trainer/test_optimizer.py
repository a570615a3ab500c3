"""The learning-rate schedule by hand, and what the optimizer is made of; test_flat_adam.py has its
steps."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras

from trainer.config import OptimizerConfig
from trainer.optimizer import WarmupDecay, build_optimizer


@pytest.mark.parametrize(
    ("power", "expected"),
    [
        (1.0, [0.5, 1.0, 1.5, 2.0, 2.0, 1.5, 1.0, 0.5, 0.0, 0.0]),
        (2.0, [0.5, 1.0, 1.5, 2.0, 2.0, 1.125, 0.5, 0.125, 0.0, 0.0]),
        (0.0, [0.5, 1.0, 1.5, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0]),
    ],
)
def test_rate_rises_then_decays_to_zero(power: float, expected: list[float]) -> None:
    schedule = WarmupDecay(2.0, warmup_steps=4, total_steps=8, power=power)
    np.testing.assert_allclose(
        [schedule(tf.constant(step)) for step in range(10)], expected, atol=1e-6
    )
    again = WarmupDecay.from_config(schedule.get_config())
    for step in range(10):
        assert float(again(step)) == float(schedule(step))


def test_without_warm_up_the_first_step_has_the_peak_rate() -> None:
    assert float(WarmupDecay(2.0, 0, 10, 1.0)(0)) == 2.0


def test_build_optimizer_follows_its_configuration() -> None:
    config = OptimizerConfig(
        learning_rate=0.1, warmup=0.2, decay_power=2.0, clip_norm=0.5, weight_decay=0.01
    )
    optimizer = build_optimizer(config, total_steps=50)
    assert optimizer._learning_rate.get_config() == {
        "peak": 0.1,
        "warmup_steps": 10,
        "total_steps": 50,
        "power": 2.0,
    }
    assert (optimizer.global_clipnorm, optimizer.weight_decay) == (0.5, 0.01)
    assert build_optimizer(OptimizerConfig(weight_decay=0.0), 50).weight_decay is None
    assert isinstance(optimizer, keras.optimizers.Adam)


def test_no_update_is_compiled_for_each_number_of_rows_where_a_gpu_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tf.compat.v2.config, "list_physical_devices", lambda kind: [f"{kind}:0"])
    assert keras.optimizers.Adam().jit_compile  # what Keras would do
    assert not build_optimizer(OptimizerConfig(), 10).jit_compile


def test_gradients_are_cut_to_the_global_norm() -> None:
    """Adam's first moment after one step is (1 - beta_1) times the clipped gradient."""
    optimizer = build_optimizer(OptimizerConfig(clip_norm=1.0), 10)
    weights = [tf.Variable([0.0, 0.0]), tf.Variable(0.0)]
    optimizer.apply_gradients(
        zip([tf.constant([3.0, 0.0]), tf.constant(4.0)], weights, strict=True)
    )
    np.testing.assert_allclose(optimizer._flat_momentum, [0.06, 0.0, 0.08], rtol=1e-5)


def test_the_norm_is_that_of_a_row_s_gradients_added_up() -> None:
    """3 + 4 for one row are 7, whose norm isn't 5, and may come as one gradient or, from two
    devices, as two."""
    apart = tf.IndexedSlices(tf.constant([[3.0], [4.0]]), tf.constant([1, 1]), [2, 1])
    added = tf.IndexedSlices(tf.constant([[7.0]]), tf.constant([1]), [2, 1])
    moments = []
    for gradient in (apart, added):
        optimizer = build_optimizer(OptimizerConfig(clip_norm=2.5), 10)
        table = tf.Variable([[0.0]] * 2)
        dense = tf.Variable(0.0)
        optimizer.apply_gradients(
            [(gradient, table), (tf.constant(24.0), dense)]
        )  # 7, 24: a norm of 25
        moments.append(optimizer._flat_momentum.numpy())
    np.testing.assert_allclose(moments, [[0.0, 0.07, 0.24]] * 2, rtol=1e-5)


def _after(
    steps: list[tf.IndexedSlices], optimizer: keras.optimizers.Optimizer, rows: int = 4
) -> np.ndarray:
    table = tf.Variable(tf.ones([rows, 2]))
    for gradient in steps:
        optimizer.apply_gradients([(gradient, table)])
    return table.numpy()


def _rows(*rows: int) -> tf.IndexedSlices:
    return tf.IndexedSlices(
        tf.constant([[0.1 * (row + 1), -0.2] for row in rows]), tf.constant(rows), [4, 2]
    )


def test_large_tables_are_updated_where_the_gradient_is_and_like_adam_there() -> None:
    every_row = [_rows(0, 1, 2, 3)] * 3
    plain, sparse = (build_optimizer(OptimizerConfig(sparse_above=n), 10) for n in (4, 3))
    np.testing.assert_allclose(_after(every_row, sparse), _after(every_row, plain), rtol=1e-6)
    sparse = build_optimizer(OptimizerConfig(sparse_above=3), 10)
    table = _after([_rows(0, 1, 1), _rows(1)], sparse)
    np.testing.assert_array_equal(table[2:], 1.0)
    after_one = _after([_rows(0, 1, 1)], build_optimizer(OptimizerConfig(sparse_above=3), 10))
    np.testing.assert_array_equal(
        table[0], after_one[0]
    )  # Adam's momentum would have moved it further
    assert (table[1] != after_one[1]).all()


def test_tables_have_their_own_rate() -> None:
    moved = []
    for rate in (1.0, 3.0):
        optimizer = build_optimizer(OptimizerConfig(sparse_above=0, table_rate=rate), 10)
        moved.append(1 - _after([_rows(2)], optimizer)[2])
    np.testing.assert_allclose(moved[1], 3 * moved[0], rtol=1e-3)
