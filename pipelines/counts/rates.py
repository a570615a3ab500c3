"""How often a word was shown, and how often with the label: two numbers in place of a word."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np

from pipelines.counts.table import Candidates

FOLDS = 5
_WEIGHT = 20.0  # candidates with the mean rate that every word is given besides its own


@dataclasses.dataclass(frozen=True)
class WordCounts:
    """How many candidates have each word of a feature.

    Attributes:
        shown: Candidates that have the word, [size].
        positive: Those of them that have the label, [size].
    """

    shown: np.ndarray
    positive: np.ndarray

    @classmethod
    def of(cls, words: np.ndarray, labels: np.ndarray, size: int) -> WordCounts:
        """Counts words [C, V] of candidates with labels bool [C]."""
        width = words.shape[1]
        weights = np.repeat(labels, width).astype(float)
        shown = np.bincount(words.ravel(), minlength=size)
        positive = np.bincount(words.ravel(), weights, minlength=size)
        return cls(shown, positive)

    def minus(self, other: WordCounts) -> WordCounts:
        """The counts without those of some of the candidates."""
        return WordCounts(self.shown - other.shown, self.positive - other.positive)

    def columns(self, words: np.ndarray, mean_rate: float, share: float = 1.0) -> np.ndarray:
        """log(1 + shown) and the smoothed rate of the words of some candidates.

        They are NaN for a candidate without a word.

        Args:
            words: [C, V]; several words of a candidate give their mean.
            mean_rate: The rate of all candidates that were counted.
            share: How large a part of all candidates that was.

        Returns:
            float32 [C, 2].
        """
        known = words > 0
        number = known.sum(1)
        count = np.log1p(self.shown / share)
        rate = (self.positive + _WEIGHT * mean_rate) / (self.shown + _WEIGHT)
        with np.errstate(invalid="ignore"):  # no word: 0 / 0
            columns = [(of_word[words] * known).sum(1) / number for of_word in (count, rate)]
        return np.column_stack(columns).astype(np.float32)


class Rates:
    """Learns the counts of all words from training candidates.

    What a training candidate gets is counted without the requests of its own fold: or else its own
    label would be in it.

    Args:
        training: The training candidates.
        task: Whose labels count.
        sizes: The number of indices of each feature with words.
        seed: Decides which requests are in which fold.
    """

    def __init__(
        self, training: Candidates, task: str, sizes: Mapping[str, int], seed: int
    ) -> None:
        self._training = training
        self._labels = training.labels[task]
        self._all: dict[str, WordCounts] = {}
        for name, size in sizes.items():
            self._all[name] = WordCounts.of(training.words[name], self._labels, size)
        # All candidates of a request are in one fold.
        folds = np.random.default_rng(seed).integers(0, FOLDS, int(training.requests[-1]) + 1)
        self._folds = folds[training.requests]

    @property
    def names(self) -> list[str]:
        """The names of the columns."""
        names: list[str] = []
        for name in self._all:
            names += [f"{name} count", f"{name} rate"]
        return names

    def of_training(self) -> np.ndarray:
        """The columns of the training candidates, float32 [C, columns]."""
        found = np.empty((len(self._training), 2 * len(self._all)), np.float32)
        for fold in range(FOLDS):
            own = self._folds == fold
            if not own.any():
                continue
            mean_rate = _mean(self._labels[~own])
            for place, (name, counts) in enumerate(self._all.items()):
                words = self._training.words[name][own]
                others = counts.minus(WordCounts.of(words, self._labels[own], len(counts.shown)))
                columns = others.columns(words, mean_rate, share=1 - 1 / FOLDS)
                found[own, 2 * place : 2 * place + 2] = columns
        return found

    def of(self, candidates: Candidates) -> np.ndarray:
        """The columns of later candidates."""
        mean_rate = _mean(self._labels)
        if not self._all:
            return np.empty((len(candidates), 0), np.float32)
        parts = []
        for name, counts in self._all.items():
            parts.append(counts.columns(candidates.words[name], mean_rate))
        return np.concatenate(parts, 1)


def _mean(labels: np.ndarray) -> float:
    return float(labels.mean()) if len(labels) else 0.0
