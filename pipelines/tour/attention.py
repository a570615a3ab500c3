"""The third stop: which behaviours a candidate attends to."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import tensorflow as tf
from rich.markup import escape
from rich.table import Table

from pipelines.text import percent
from pipelines.tour.person import Person
from pipelines.tour.step import Step
from pipelines.tour.words import Words
from serving.contract import CANDIDATE_ITEM_ID
from trainer.export.serving_module import ServingModule

_TITLE = "What the candidate looks at"
_SHOWN = 5


def attention_by_layer(
    module: ServingModule, user: Mapping[str, tf.Tensor], item: str
) -> np.ndarray | None:
    """How much an item attends to each behaviour in each layer, as the mean over heads.

    Args:
        module: The ranker with its transform graph.
        user: Raw features of a batch of one.
        item: Its id.

    Returns:
        [layers, L]; None if the ranker's candidates attend to no encoder.
    """
    state = module.user_state(user)
    candidates = module.candidate_features({CANDIDATE_ITEM_ID: tf.constant([[item]])})
    weights = module.attention_weights(state, candidates)
    if weights is None:
        return None
    of_candidate = weights[0, :, :, 0]  # [B, layers, heads, N, L] -> [layers, heads, L]
    return tf.reduce_mean(of_candidate, axis=1).numpy()


def attention_step(module: ServingModule, person: Person, item: str, words: Words) -> Step:
    """The weights of Uni Cross-Attention for the item that the model ranks first."""
    layers = attention_by_layer(module, person.tensors(module.spec), item)
    if layers is None:
        return Step(
            _TITLE,
            "This ranker has no Uni Cross-Attention (trainer.ranker), so candidates look at no "
            "encoder.",
        )
    # Histories are padded at their end; the encoder reads no more than the latest behaviours.
    layers = layers[:, : len(person.items)]
    mean = layers.mean(0)
    most = np.argsort(-mean, kind="stable")[:_SHOWN]
    says = (
        f"{words.title(item)} is the item that the model ranks first. Of its attention to the "
        f"encoder's layers, {percent(mean[most].sum())} go to {len(most)} of {len(mean)} "
        f"behaviours, where an even share would be {percent(len(most) / len(mean))}. The weights "
        "are means over heads, and over layers where none is named."
    )
    return Step(_TITLE, says, [_table(layers, most, person, words)])


def _table(layers: np.ndarray, most: np.ndarray, person: Person, words: Words) -> Table:
    names = [f"layer {number}" for number in range(1, len(layers) + 1)]
    table = Table("back", "behaviour", "weight", *names)
    items = person.items[-layers.shape[1] :]  # the encoder reads the latest only
    for at in most:
        of_layers = layers[:, at]
        mean = of_layers.mean()
        weights = [percent(weight) for weight in (mean, *of_layers)]
        table.add_row(str(len(items) - at), escape(words.title(items[at])), *weights)
    return table
