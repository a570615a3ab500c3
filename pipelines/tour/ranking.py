"""The last stop: what the encoder changes in the ranking."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import tensorflow as tf
from rich.markup import escape
from rich.table import Table

from pipelines.report.blocks import WITH, WITHOUT
from pipelines.text import count
from pipelines.tour.scoring import Scorer
from pipelines.tour.step import Step
from pipelines.tour.words import Words

_SHOWN = 10


class Ranking:
    """Items by probability, the highest first.

    Args:
        items: Their ids.
        probabilities: One for each item.
    """

    def __init__(self, items: Sequence[str], probabilities: np.ndarray) -> None:
        # Stable, so that items of one probability stay in the order they were given.
        order = np.argsort(-probabilities, kind="stable")
        self.items = [items[i] for i in order]
        self.probabilities = dict(zip(items, probabilities.tolist(), strict=True))
        self.place = {item: place for place, item in enumerate(self.items, 1)}


def rank_with_all(
    scorers: Mapping[str, Scorer], user: Mapping[str, tf.Tensor], items: Sequence[str], task: str
) -> dict[str, Ranking]:
    """The same items ranked by each model."""
    rankings = {}
    for name, scorer in scorers.items():
        rankings[name] = Ranking(items, scorer.probabilities(user, items, task))
    return rankings


def ranking_step(rankings: Mapping[str, Ranking], words: Words, task: str) -> Step:
    """The first items of both rankings, side by side."""
    ours = rankings[WITH]
    without = rankings[WITHOUT]
    shown = ours.items[:_SHOWN]
    both = len(set(shown) & set(without.items[:_SHOWN]))
    # The places of `without` are those among all items, so the lift may be from far below.
    risen = max(shown, key=lambda item: without.place[item] - ours.place[item])
    says = (
        f"The same user and the {count(len(ours.items))} items outside of that history, ranked by "
        f"P({task}). Of the first {len(shown)}, {both} are the same for both models. The encoder "
        f"lifts {words.title(risen)} the most, from place {count(without.place[risen])} to "
        f"{count(ours.place[risen])}."
    )
    return Step("The ranking with and without the encoder", says, [_table(ours, without, words)])


def _table(ours: Ranking, without: Ranking, words: Words) -> Table:
    table = Table("place", "with the encoder", "P", "without: place", "without the encoder", "P")
    for place, (mine, other) in enumerate(zip(ours.items[:_SHOWN], without.items, strict=False), 1):
        table.add_row(
            str(place),
            escape(words.title(mine)),
            f"{ours.probabilities[mine]:.3f}",
            count(without.place[mine]),
            escape(words.title(other)),
            f"{without.probabilities[other]:.3f}",
        )
    return table
