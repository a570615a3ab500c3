"""The second stop: what the pre-trained encoder fills in for a behaviour that is hidden from it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np
import tensorflow as tf

from preprocessing.features import ModelFeature
from trainer.fields import Field
from trainer.pretraining.masking import hide
from trainer.pretraining.objective import Objective

Features = Mapping[str, tf.Tensor]


@dataclasses.dataclass(frozen=True)
class Guess:
    """What the encoder thinks an attribute of the hidden behaviour is.

    Attributes:
        feature: The attribute.
        probabilities: One for each index. They sum to 1, except for a multivalent attribute, where
            each index is there or not on its own.
        truth: The indices that were hidden; none if the log doesn't have the attribute.
    """

    feature: ModelFeature
    probabilities: np.ndarray
    truth: tuple[int, ...]

    def best(self, count: int = 1) -> list[int]:
        """The `count` most likely indices, the likeliest first."""
        order: list[int] = np.argsort(-self.probabilities, kind="stable").tolist()
        return order[:count]

    def place(self, index: int) -> int:
        """An index's place by probability, from 1 on."""
        return 1 + int((self.probabilities > self.probabilities[index]).sum())

    @property
    def values(self) -> int:
        """How many values there are to choose from."""
        return len(self.probabilities) - 1  # index 0 is for absent ones


def fill_in(objective: Objective, features: Features, back: int, of_item: bool) -> list[Guess]:
    """Hides one behaviour as pre-training does, and asks the encoder for its attributes.

    Args:
        objective: The pre-trained encoder with its heads.
        features: History indices of one user, without padding.
        back: Which behaviour, 1 for the most recent.
        of_item: Whether its item is hidden, with all side information, or else what the user did
            with it.

    Returns:
        A guess for each hidden attribute; none if the objective has no heads for them.
    """
    fields = objective.encoder.fields
    masked = hidden_at(features, fields.of("history"), back, of_item)
    output = objective.encoder(masked, training=False).output[:, -back]
    hidden = fields.item if of_item else fields.behavior
    guesses: list[Guess] = []
    for field in hidden:
        if field.field in objective.heads:
            truth = features[field.name][0, -back]
            guesses.append(_guess(objective, field, output, truth))
    return guesses


def hidden_at(
    features: Features, fields: list[Field], back: int, of_item: bool
) -> dict[str, tf.Tensor]:
    """What the encoder gets to see: `features` with one behaviour's attributes hidden."""
    length = features["history_item_id"].shape[1]
    behavior = tf.reshape(tf.range(length) == length - back, [1, length])
    nothing = tf.zeros_like(behavior)
    masked = {}
    for field in fields:
        # Item and side information are hidden together, and so is all that the user did with it.
        hidden = behavior if field.feature.describes_item == of_item else nothing
        masked[field.name] = hide(features[field.name], hidden, field)
    return masked


def _guess(objective: Objective, field: Field, output: tf.Tensor, truth: tf.Tensor) -> Guess:
    logits = objective.heads[field.field].logits(output)
    probabilities = tf.sigmoid(logits) if field.multivalent else tf.nn.softmax(logits)
    indices = np.atleast_1d(truth.numpy())
    known = indices[indices > 0]  # index 0 is for absent values and padding
    return Guess(field.feature, probabilities[0].numpy(), tuple(known.tolist()))
