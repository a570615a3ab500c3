"""Candidates as rows of plain numbers, as boosted trees read them."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping

import numpy as np
import tensorflow as tf

from preprocessing.features import CANDIDATE_ITEM_ID, HISTORY_ITEM_ID, feature_name, label_name
from preprocessing.spec import DatasetSpec
from preprocessing.spec_match import Match
from trainer.fields import Compared, Field, Fields, MatchField
from trainer.layers.match_counts import MatchCounts

Batch = Mapping[str, tf.Tensor]

# Words of a feature that trees split by at most; where there are more, their rates alone count.
_MOST_CATEGORIES = 256


@dataclasses.dataclass(frozen=True)
class Candidates:
    """C candidates of some requests.

    Attributes:
        numbers: float32 [C, F], NaN where absent.
        words: Features with words: their indices, [C, V], 0 where absent.
        labels: By task, bool [C].
        requests: Which request each is of, int64 [C], ascending.
    """

    numbers: np.ndarray
    words: dict[str, np.ndarray]
    labels: dict[str, np.ndarray]
    requests: np.ndarray

    def __len__(self) -> int:
        return len(self.requests)


class CandidateTable:
    """Makes rows of batches of transformed records.

    A row has the user's and the candidate's numbers, categories of few words, how long the history
    is, and the match features that the spec declares: where it declares none, those of the item and
    of each of its features with words.

    Args:
        fields: The data set's fields.
        spec: Says which words have statistics.

    Attributes:
        names: What the numbers of a row are.
        sizes: The number of indices of each feature with words.
        rated: Those of them whose words' rates are learned from the training split.
        categories: Those of `names` that are words.
    """

    def __init__(self, fields: Fields, spec: DatasetSpec) -> None:
        self._fields = [*fields.of("user"), *fields.of("context"), *fields.of("candidate")]
        self._tasks = fields.tasks
        self._matches = MatchCounts(fields.matches or _usual_matches(fields))
        self._in_columns = [field for field in self._fields if _has_column(field)]
        self.names = [field.name for field in self._in_columns]
        self.names.append("history_length")
        for match in self._matches.matches:
            self.names += [f"match {match.name} {place}" for place in range(match.spec.width)]
        self._with_words = [f for f in self._fields if f.feature.vocabulary is not None]
        self.sizes = {field.name: field.size for field in self._with_words}
        counted = _counted(spec)
        self.rated = {name: size for name, size in self.sizes.items() if name not in counted}
        self.categories = [f.name for f in self._in_columns if f.name in self.sizes]

    def of_batches(self, batches: Iterable[Batch]) -> Candidates:
        """The rows of dense batches, in their order.

        Raises:
            ValueError: there is none.
        """
        parts: list[Candidates] = []
        requests = 0
        for batch in batches:
            parts.append(self._of_batch(batch, requests))
            requests += len(batch[CANDIDATE_ITEM_ID])
        if not parts:
            raise ValueError("there are no records to make rows of")
        words = {}
        for name in self.sizes:
            words[name] = np.concatenate([part.words[name] for part in parts])
        labels = {}
        for task in self._tasks:
            labels[task] = np.concatenate([part.labels[task] for part in parts])
        return Candidates(
            numbers=np.concatenate([part.numbers for part in parts]),
            words=words,
            labels=labels,
            requests=np.concatenate([part.requests for part in parts]),
        )

    def _of_batch(self, batch: Batch, first_request: int) -> Candidates:
        is_candidate = batch[CANDIDATE_ITEM_ID].numpy() > 0
        requests = np.nonzero(is_candidate)[0]
        columns = [_column(field, batch, is_candidate, requests) for field in self._in_columns]
        mask = batch[HISTORY_ITEM_ID] > 0  # index 0 pads
        columns.append(mask.numpy().sum(1)[requests])
        matched = self._matches(self._matches.user_state(batch), mask, batch).numpy()[is_candidate]
        words = {}
        for field in self._with_words:
            indices = _of_candidates(field, batch[field.name].numpy(), is_candidate, requests)
            words[field.name] = indices.reshape(len(requests), -1).astype(np.int32)
        labels = {}
        for task in self._tasks:
            labels[task] = batch[label_name(task)].numpy()[is_candidate] > 0.5
        return Candidates(
            numbers=np.column_stack([*columns, matched]).astype(np.float32),
            words=words,
            labels=labels,
            requests=requests + first_request,
        )


def _counted(spec: DatasetSpec) -> set[str]:
    """The candidate's features with words whose rate a statistic has as of the request.

    The rate over the whole training split knows what came after a training request, and nothing of
    what came before a later one: trees that have both trust the wrong one.
    """
    counted: set[str] = set()
    for name, statistic in spec.features.statistics.items():
        keys = statistic.keys_of(name)
        if statistic.rate and len(keys) == 1:
            counted.add(feature_name("candidate", keys[0]))
    return counted


def _has_column(field: Field) -> bool:
    """Whether trees can read a field's values as they are.

    They can read numbers, buckets, and words of which there are few.
    """
    has_words = field.feature.vocabulary is not None
    return not field.multivalent and (not has_words or field.size <= _MOST_CATEGORIES)


def _column(
    field: Field, batch: Batch, is_candidate: np.ndarray, requests: np.ndarray
) -> np.ndarray:
    indices = _of_candidates(field, batch[field.name].numpy(), is_candidate, requests)
    if field.number is None:
        values = indices
    else:
        values = _of_candidates(field, batch[field.number].numpy(), is_candidate, requests)
    return np.where(indices > 0, values, np.nan)  # index 0 is for absent values


def _of_candidates(
    field: Field, values: np.ndarray, is_candidate: np.ndarray, requests: np.ndarray
) -> np.ndarray:
    """A field's values for each real candidate.

    Args:
        field: The field.
        values: [B, N, ...] where the field is of candidates, else [B, ...].
        is_candidate: Which candidates are real, [B, N].
        requests: Which request each real candidate is of.
    """
    if field.feature.side == "candidate":
        return values[is_candidate]
    return values[requests]


def _usual_matches(fields: Fields) -> tuple[MatchField, ...]:
    """The item, and each of its features with words; items outside of the vocabulary match none."""
    matches = []
    for field in fields.item:
        if field.feature.vocabulary is not None:
            known = field.size - field.oov_buckets
            candidate = feature_name("candidate", field.field)
            pair = Compared(field.name, candidate, field.width, known)
            matches.append(MatchField(field.field, Match(fields=(field.field,)), (pair,)))
    return tuple(matches)
