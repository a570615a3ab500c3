"""Multi-gate mixture of experts, folded into a share of the user and one of the item."""

from __future__ import annotations

from typing import Any, NamedTuple

import tensorflow as tf
import tf_keras as keras

from trainer.layers.dropout import Dropout
from trainer.layers.folded_dense import FoldedDense
from trainer.layers.row_dense import RowDense


class MmoeState(NamedTuple):
    """The user's share: of all experts' first layers [B, E * H1] and of all gates [B, T * E]."""

    experts: tf.Tensor
    gates: tf.Tensor


@keras.utils.register_keras_serializable(package="srp4ctr")
class FoldedMmoe(keras.layers.Layer):
    """Multi-gate mixture of experts (MMoE; Ma et al., KDD 2018).

    For each task, a softmax gate weighs the experts' outputs, and a tower makes a logit of the
    result. The experts' first layers and the gates are exactly folded, see FoldedDense.

    Args:
        tasks: Number of tasks T.
        experts: Number of experts E.
        expert_units: Widths (H1, H2) of an expert's two ReLU layers.
        tower_units: Hidden width of a task's tower.
        dropout: Rate, on the mixed experts.

    Example:
        >>> layer = FoldedMmoe(tasks=2)
        >>> state = layer.user_state(tf.zeros([3, 16]))
        >>> layer(tf.zeros([3, 7, 8]), state).shape
        TensorShape([3, 7, 2])
    """

    def __init__(
        self,
        tasks: int,
        experts: int = 4,
        expert_units: tuple[int, int] = (128, 64),
        tower_units: int = 32,
        dropout: float = 0.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if tasks < 1 or experts < 1:
            raise ValueError(
                f"tasks and experts must be positive. Received: tasks={tasks}, experts={experts}"
            )
        self.tasks = tasks
        self.experts = experts
        self.tower_units = tower_units
        self.dropout = dropout
        self.expert_units = (int(expert_units[0]), int(expert_units[1]))
        # The first layers of all experts, and all gates, are one product each.
        self.first = FoldedDense(experts * self.expert_units[0], name="experts")
        self.gate = FoldedDense(tasks * experts, name="gates")

    def build(self, input_shape: tf.TensorShape) -> None:
        output = self.expert_units[1]
        self.second = [RowDense(output, "relu", name=f"expert_{e}") for e in range(self.experts)]
        self.drop = Dropout(self.dropout)
        self.hidden = [
            RowDense(self.tower_units, "relu", name=f"hidden_{t}") for t in range(self.tasks)
        ]
        self.logit = [RowDense(1, name=f"logit_{t}") for t in range(self.tasks)]
        super().build(input_shape)

    def user_state(self, user: tf.Tensor) -> MmoeState:
        """The user's share of first layers and gates, of features [B, U]."""
        return MmoeState(self.first.user_term(user), self.gate.user_term(user))

    def call(self, items: tf.Tensor, state: MmoeState, training: bool | None = None) -> tf.Tensor:
        """Logits [B, N, T] of items [B, N, C]."""
        first = tf.nn.relu(self.first(state.experts, items))
        shares = tf.split(first, self.experts, -1)
        outputs = []
        for second, share in zip(self.second, shares, strict=True):
            outputs.append(second(share))
        of_experts = tf.stack(outputs, 2)  # [B, N, E, H2]
        shape = tf.concat([tf.shape(items)[:2], [self.tasks, self.experts]], 0)
        gates = tf.nn.softmax(tf.reshape(self.gate(state.gates, items), shape))
        mixed = self.drop(tf.matmul(gates, of_experts), training=training)  # [B, N, T, H2]
        logits = []
        for task, of_task in enumerate(tf.unstack(mixed, axis=2)):
            logits.append(self.logit[task](self.hidden[task](of_task)))
        return tf.concat(logits, -1)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "tasks": self.tasks,
            "experts": self.experts,
            "expert_units": self.expert_units,
            "tower_units": self.tower_units,
            "dropout": self.dropout,
        }
