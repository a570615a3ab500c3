"""How well the number of an item's training events ranks: a rule that a model has to beat."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import TypeVar

import numpy as np
import pyarrow as pa

from preprocessing.catalog import COUNT
from preprocessing.counts import Counts
from preprocessing.entities import EntityTable
from preprocessing.sources.columns import KEY

ScoreT = TypeVar("ScoreT", int, float)
# Counts above a thousand are kept to three digits, so that a report adds up few different ones.
_EXACT = 1000
_DENSE = 1 << 16  # values below it are counted without being sorted first
POSITIVE = "positives"
NEGATIVE = "negatives"
UNSEEN = "unseen_auc"
POPULARITY = "popularity_auc"
RULES = {
    UNSEEN: "whether an item was seen in training",
    POPULARITY: "an item's number of training events",
}


class TrainingEvents:
    """How many events before the validation cut-off items have.

    Args:
        seen: As from `catalog.seen_items`, of all shards.
    """

    def __init__(self, seen: pa.Table) -> None:
        ids = seen.column(KEY).combine_chunks()
        self._index = EntityTable(ids, np.arange(len(ids)), None, {})
        self._levels = np.append(levels(seen.column(COUNT).to_numpy()), 0)

    def levels_of(self, ids: pa.Array) -> np.ndarray:
        """Their numbers of events, see `levels`; 0 for one that isn't there."""
        return self._levels[self._index.keys_of(ids)]


def levels(training_events: np.ndarray) -> np.ndarray:
    """Numbers of training events, the large ones rounded: int64."""
    digits = np.floor(np.log10(np.maximum(training_events, 1))).astype(np.int64) - 2
    unit = 10 ** np.maximum(digits, 0)
    return np.where(training_events < _EXACT, training_events, training_events // unit * unit)


def count_labels(prefix: tuple[str, ...], values: np.ndarray, labels: np.ndarray) -> Counts:
    """How many candidates with each value have the label, and how many don't.

    Args:
        prefix: The first part of the counters' names; POSITIVE or NEGATIVE and the value follow.
        values: int64 [C], not negative.
        labels: bool [C].
    """
    counts: Counts = Counter()
    known: np.ndarray | None = None
    if values.max(initial=0) >= _DENSE:
        known, values = np.unique(values, return_inverse=True)
    of_all = np.bincount(values)
    of_positives = np.bincount(values[labels], minlength=len(of_all))
    found = ((POSITIVE, of_positives), (NEGATIVE, of_all - of_positives))
    for name, of_value in found:
        for place in np.flatnonzero(of_value).tolist():
            value = place if known is None else known[place]
            key = (*prefix, name, str(value))
            counts[key] = int(of_value[place])
    return counts


def rules(counted: dict[str, dict[str, int]]) -> dict[str, float | None]:
    """How well trivial rules rank the candidates of one split and task, from their counters.

    Returns:
        "unseen_positives" and "unseen_negatives", the shares of candidates whose item has no
        training event, and "unseen_auc" and "popularity_auc": the AUC of "has none" and of the
        number of training events. None where there are no such candidates.
    """
    positives = _by_level(counted.get(POSITIVE, {}))
    negatives = _by_level(counted.get(NEGATIVE, {}))
    return {
        "unseen_positives": _unseen(positives),
        "unseen_negatives": _unseen(negatives),
        UNSEEN: auc_of_counts(_as_unseen(positives), _as_unseen(negatives)),
        POPULARITY: auc_of_counts(positives, negatives),
    }


def auc_of_counts(positives: Mapping[ScoreT, int], negatives: Mapping[ScoreT, int]) -> float | None:
    """The AUC of a score, from how many positives and negatives have each score.

    Ties count half. None if there are no positives or no negatives.
    """
    total = sum(positives.values()) * sum(negatives.values())
    if not total:
        return None
    below = 0  # negatives with a lower score
    ordered = 0.0  # pairs of a positive and a negative in the right order
    for score in sorted(positives.keys() | negatives.keys()):
        ordered += positives.get(score, 0) * (below + negatives.get(score, 0) / 2)
        below += negatives.get(score, 0)
    return ordered / total


def _by_level(counts: dict[str, int]) -> dict[int, int]:
    return {int(level): count for level, count in counts.items()}


def _as_unseen(counts: dict[int, int]) -> dict[int, int]:
    unseen = counts.get(0, 0)
    return {1: unseen, 0: sum(counts.values()) - unseen}


def _unseen(counts: dict[int, int]) -> float | None:
    total = sum(counts.values())
    return counts.get(0, 0) / total if total else None
