"""A process with two devices that takes steps by an optimizer and prints the variables that they
leave, as JSON.

Two logical CPUs have to be made before TensorFlow does anything, so that it is a process of its
own.
"""

from __future__ import annotations

import json

import tensorflow as tf

from tests.trainer.optimizer_steps import gradients, make_variables
from trainer.flat_adam import FlatAdam


def main() -> None:
    """Each device has half of the gradients: those of even steps' halves add up to the whole."""
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
    strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    with strategy.scope():
        variables = make_variables()
        optimizer = FlatAdam(sparse_above=6, global_clipnorm=1.0, weight_decay=0.01)
        optimizer.build(variables)

    @tf.function
    def step(number: tf.Tensor) -> None:
        def of_replica() -> None:
            context = tf.distribute.get_replica_context()
            share = tf.where(tf.equal(context.replica_id_in_sync_group, 0), 0.25, 0.75)
            parts = [_times(gradient, share) for gradient in gradients(number)]
            optimizer.apply_gradients(zip(parts, variables, strict=True))

        strategy.run(of_replica)

    for number in range(4):
        step(tf.constant(number))
    print(json.dumps([variable.numpy().tolist() for variable in variables]))


def _times(
    gradient: tf.Tensor | tf.IndexedSlices, share: tf.Tensor
) -> tf.Tensor | tf.IndexedSlices:
    if isinstance(gradient, tf.IndexedSlices):
        return tf.IndexedSlices(gradient.values * share, gradient.indices, gradient.dense_shape)
    return gradient * share


if __name__ == "__main__":
    main()
