"""Updating all variables as one gives what updating each would, on one device, on two, by XLA and
after a restore."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras

from tests.conftest import ROOT
from tests.trainer.optimizer_steps import gradients, make_variables
from trainer.flat_adam import FlatAdam
from trainer.table_adam import RowSums, TableAdam

STEPS = 4
OPTIONS: dict[str, dict[str, Any]] = {
    "plain": {},
    "clipped": {"global_clipnorm": 1.0},
    "decayed": {"weight_decay": 0.01, "global_clipnorm": 1.0},
    "own_rate": {"table_rate": 3.0, "global_clipnorm": 100.0},
}


def _optimizer(kind: type[TableAdam], **options: Any) -> TableAdam:
    schedule = keras.optimizers.schedules.PolynomialDecay(0.1, 2 * STEPS)
    return kind(sparse_above=6, learning_rate=schedule, epsilon=1e-7, jit_compile=False, **options)


def _take_steps(
    optimizer: TableAdam, variables: list[tf.Variable], start: int = 0, jit_compile: bool = False
) -> None:
    optimizer.build(variables)

    @tf.function(jit_compile=jit_compile)
    def step(given: list[Any]) -> None:
        optimizer.apply_gradients(zip(given, variables, strict=True))

    for number in range(start, STEPS):
        step(gradients(tf.constant(number)))  # XLA would draw others


def _assert_close(some: list[Any], others: list[Any], rtol: float = 1e-5) -> None:
    for one, other in zip(some, others, strict=True):
        np.testing.assert_allclose(one, other, rtol=rtol, atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_it_is_what_updating_each_variable_is(options: dict[str, Any]) -> None:
    together = make_variables()
    apart = make_variables()
    _take_steps(_optimizer(FlatAdam, **options), together)
    _take_steps(_optimizer(TableAdam, **options), apart)
    for one, start in zip(together, make_variables(), strict=True):
        assert (one != start).numpy().any()
    _assert_close(together, apart)


def test_small_and_large_tables_alone_are_updated_too() -> None:
    for choice in (slice(0, 4), slice(4, 6)):
        results = []
        for kind in (FlatAdam, TableAdam):
            variables = make_variables()[choice]
            optimizer = _optimizer(kind, global_clipnorm=1.0)
            for number in range(STEPS):
                optimizer.apply_gradients(zip(gradients(number)[choice], variables, strict=True))
            results.append(variables)
        _assert_close(results[0], results[1])


def test_a_variable_without_gradient_stays_where_it_is() -> None:
    variables = make_variables()[:2]
    optimizer = _optimizer(FlatAdam, global_clipnorm=1.0)
    optimizer.build(variables)
    optimizer.apply_gradients([(None, variables[0]), (tf.ones(3), variables[1])])
    start = make_variables()
    np.testing.assert_array_equal(variables[0], start[0])
    assert (variables[1] != start[1]).numpy().all()


@pytest.mark.slow
def test_by_xla_it_is_the_same() -> None:
    compiled = make_variables()
    plain = make_variables()
    _take_steps(_optimizer(FlatAdam, global_clipnorm=1.0), compiled, jit_compile=True)
    _take_steps(_optimizer(FlatAdam, global_clipnorm=1.0), plain)
    _assert_close(compiled, plain)


def test_it_has_no_loop_and_a_few_operations_a_variable() -> None:
    optimizer = _optimizer(FlatAdam, global_clipnorm=1.0)
    variables = make_variables()
    optimizer.build(variables)
    given = gradients(tf.constant(0))

    @tf.function(jit_compile=True)
    def step(given: list[Any]) -> None:
        optimizer.apply_gradients(zip(given, variables, strict=True))

    assert " while(" not in step.experimental_get_compiler_ir(given)(stage="hlo")
    few = _operations(_optimizer(FlatAdam, global_clipnorm=1.0), 2)
    more = _operations(_optimizer(FlatAdam, global_clipnorm=1.0), 12)
    assert more - few == 10  # vectors need no reshape


def _operations(optimizer: TableAdam, variables: int) -> int:
    """What a step of that many vectors takes."""
    vectors = [tf.Variable(tf.zeros([4])) for _ in range(variables)]
    optimizer.build(vectors)
    gradient = tf.ones([4])
    step = tf.function(
        lambda: optimizer.apply_gradients([(gradient, vector) for vector in vectors])
    )
    graph = step.get_concrete_function().graph
    free = ("Const", "Placeholder", "NoOp", "Identity", "ReadVariableOp")
    return sum(operation.type not in free for operation in graph.get_operations())


def test_it_goes_on_from_a_checkpoint(tmp_path: Path) -> None:
    unbroken = make_variables()
    variables = make_variables()
    _take_steps(_optimizer(FlatAdam, global_clipnorm=1.0), unbroken)

    first = _optimizer(FlatAdam, global_clipnorm=1.0)
    for number in range(2):
        first.apply_gradients(zip(gradients(number), variables, strict=True))
    path = tf.train.Checkpoint(optimizer=first, variables=variables).write(
        str(tmp_path / "checkpoint")
    )

    resumed = make_variables()
    second = _optimizer(FlatAdam, global_clipnorm=1.0)
    second.build(resumed)
    restored = tf.train.Checkpoint(optimizer=second, variables=resumed).read(path)
    restored.assert_existing_objects_matched()
    _take_steps(second, resumed, start=2)
    _assert_close(resumed, unbroken)


@pytest.mark.slow
def test_two_devices_do_what_one_does() -> None:
    command = [sys.executable, "-m", "tests.trainer.two_devices"]
    printed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    one = make_variables()
    optimizer = FlatAdam(sparse_above=6, global_clipnorm=1.0, weight_decay=0.01)
    _take_steps(optimizer, one)
    _assert_close(json.loads(printed.splitlines()[-1]), one)


def test_rows_are_added_up_whatever_their_order() -> None:
    values = tf.constant([[1.0], [2.0], [4.0], [8.0]])
    gradient = tf.IndexedSlices(values, tf.constant([3, 1, 3, 0]), tf.constant([4, 1]))
    added = RowSums.of(gradient)
    np.testing.assert_array_equal(added.rows, [0, 1, 3, 3])
    np.testing.assert_array_equal(added.sums, [[8], [2], [5], [5]])
    np.testing.assert_array_equal(added.is_first, [True, True, True, False])
    assert float(added.square_sum()) == 64 + 4 + 25


def test_no_rows_add_up_to_nothing() -> None:
    added = RowSums.of(
        tf.IndexedSlices(tf.zeros([0, 2]), tf.zeros([0], tf.int64), tf.constant([4, 2]))
    )
    assert added.sums.shape == (0, 2) and float(added.square_sum()) == 0
