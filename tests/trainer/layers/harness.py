"""What every layer must pass: serialisation, size, shape, gradients, mixed precision."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras as keras

Make = Callable[[], keras.layers.Layer]
Call = Callable[..., tf.Tensor]

# A key's bias shifts all of a query's logits alike, so that the softmax, and with it the output,
# stays the same.
KEY_BIASES = ("key/bias",)


def run_layer_test(
    make: Make,
    call: Call,
    inputs: Sequence[np.ndarray],
    shape: tuple[int, ...],
    parameters: int,
    without_gradient: Sequence[str] = (),
) -> None:
    """Puts a layer through all checks.

    Args:
        make: Makes the layer.
        call: Calls it: call(layer, *inputs) -> its output.
        inputs: Arrays; floats are given in the layer's compute dtype.
        shape: Of the output.
        parameters: Number of scalars in all weights, counted by hand.
        without_gradient: Ends of the names of weights that the output does not depend on.
    """
    layer = make()
    output = call(layer, *_as_tensors(layer, inputs))
    randomise(layer)
    assert output.shape == shape
    assert layer.count_params() == parameters
    _check_round_trip(layer, call, inputs)
    _check_gradients(layer, call, inputs, without_gradient)
    for policy in ("mixed_float16", "mixed_bfloat16"):
        _check_mixed_precision(layer, make, call, inputs, policy)


def randomise(layer: keras.layers.Layer, seed: int = 0) -> None:
    """Gives a built layer's weights, biases and norms too, random values; integers stay."""
    rng = np.random.default_rng(seed)
    weights = layer.get_weights()
    for place, weight in enumerate(weights):
        if weight.dtype.kind == "f":
            weights[place] = rng.normal(0, 0.5, weight.shape)
    layer.set_weights(weights)


def _as_tensors(layer: keras.layers.Layer, inputs: Sequence[np.ndarray]) -> list[tf.Tensor]:
    return [tf.constant(x, layer.compute_dtype if x.dtype.kind == "f" else None) for x in inputs]


def _check_round_trip(layer: keras.layers.Layer, call: Call, inputs: Sequence[np.ndarray]) -> None:
    config = json.loads(json.dumps(layer.get_config()))
    copy = keras.layers.deserialize(json.loads(json.dumps(keras.layers.serialize(layer))))
    assert type(copy) is type(layer)
    for again in (copy, type(layer).from_config(config)):
        assert json.loads(json.dumps(again.get_config())) == config
        call(again, *_as_tensors(again, inputs))
        again.set_weights(layer.get_weights())
        tensors = _as_tensors(layer, inputs)
        np.testing.assert_array_equal(call(again, *tensors), call(layer, *tensors))


def _check_gradients(
    layer: keras.layers.Layer, call: Call, inputs: Sequence[np.ndarray], without: Sequence[str]
) -> None:
    with tf.GradientTape() as tape:
        output = call(layer, *_as_tensors(layer, inputs))
        loss = tf.reduce_sum(output * np.random.default_rng(1).normal(size=output.shape))
    weights = layer.trainable_weights
    assert len(weights) == len(layer.weights)
    for weight, gradient in zip(weights, tape.gradient(loss, weights), strict=True):
        assert gradient is not None, weight.name
        largest = float(tf.reduce_max(tf.abs(tf.convert_to_tensor(gradient))))
        assert np.isfinite(largest), weight.name
        assert (largest > 1e-5) != weight.name.split(":")[0].endswith(tuple(without)), weight.name


def _check_mixed_precision(
    layer: keras.layers.Layer, make: Make, call: Call, inputs: Sequence[np.ndarray], policy: str
) -> None:
    with global_policy(policy):
        low = make()
        call(low, *_as_tensors(low, inputs))
        low.set_weights(layer.get_weights())
        output = call(low, *_as_tensors(low, inputs))
    assert all(weight.dtype == tf.float32 for weight in low.weights)
    assert output.dtype == low.compute_dtype
    exact = call(layer, *_as_tensors(layer, inputs))
    tolerance = {"mixed_float16": 0.02, "mixed_bfloat16": 0.15}[policy]
    np.testing.assert_allclose(tf.cast(output, tf.float32), exact, rtol=tolerance, atol=tolerance)


@contextlib.contextmanager
def global_policy(name: str) -> Iterator[None]:
    """Sets Keras's global precision policy, for a while."""
    before: Any = keras.mixed_precision.global_policy()
    keras.mixed_precision.set_global_policy(name)
    try:
        yield
    finally:
        keras.mixed_precision.set_global_policy(before)
