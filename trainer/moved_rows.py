"""The rows of an embedding table in their new places when its vocabulary has changed."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np


@dataclasses.dataclass(frozen=True)
class Vocabulary:
    """What a table's rows stand for.

    Row 0 stands for an absent value; then come the tokens, the buckets of unknown ones, and the
    mask.

    Attributes:
        tokens: The ids or values, in the order of their rows.
        oov_buckets: How many buckets unknown ones share, by hash.
    """

    tokens: Sequence[bytes]
    oov_buckets: int

    @property
    def rows(self) -> int:
        """How many rows a table has."""
        return len(self.tokens) + self.oov_buckets + 2  # one for absent values, one for the mask


def move_rows(
    table: np.ndarray,
    before: Vocabulary,
    now: Vocabulary,
    kin: Mapping[str, np.ndarray] | None = None,
) -> np.ndarray:
    """Gives each token the row it had; a new token's row is the mean of its kin.

    Args:
        table: [rows before, D].
        before: What its rows stand for.
        now: What the result's rows stand for; it has as many buckets, so that each holds what
            hashed to it before.
        kin: Side information by name: for each row, the indices of its values, [rows, V], 0 where
            absent. Tokens that share a value are kin. A new row is the mean, over its values, of
            the mean of the known rows that have the value; without any, it is the mean of all
            tokens' known rows.

    Returns:
        [rows now, D].
    """
    sources = _sources(before, now)
    known = 1 + np.flatnonzero(sources)
    new = 1 + np.flatnonzero(sources == 0)
    result = np.empty((now.rows, table.shape[1]), table.dtype)
    # Absent, known and new tokens; then the buckets and the mask, which stay as they were.
    result[0] = table[0]
    result[known] = table[sources[known - 1]]
    result[new] = _means_of_kin(result, known, new, kin or {})
    result[1 + len(now.tokens) :] = table[1 + len(before.tokens) :]
    return result


def moved_indices(indices: np.ndarray, before: Vocabulary, now: Vocabulary) -> np.ndarray:
    """The indices that the same words have now.

    Args:
        indices: Of words before, from 1; negative ones are of words that were gone already.
        before: What they stand for.
        now: What the result's indices stand for.

    Returns:
        As many indices. The buckets of unknown words come after the last word, so theirs move by
        how many words there are more; a word that is gone has -1, which no value has, and keeps it.
    """
    rows = {token: row for row, token in enumerate(now.tokens, start=1)}
    of_words = np.array([rows.get(token, -1) for token in before.tokens], indices.dtype)
    is_word = (indices > 0) & (indices <= len(before.tokens))
    moved = indices - len(before.tokens) + len(now.tokens)
    moved[is_word] = of_words[indices[is_word] - 1]
    moved[indices < 0] = -1
    return moved


def moved_pairs(weights: np.ndarray, before: Vocabulary, now: Vocabulary) -> np.ndarray:
    """Gives each pair of words the weights it had; one with a new or absent word in it has zeros.

    Args:
        weights: [words before ** 2, T], of the absent word and all tokens, as Transitions has them.
        before: What these words are.
        now: What the result's words are.

    Returns:
        [words now ** 2, T].
    """
    sources = np.append(0, _sources(before, now))
    size = len(before.tokens) + 1
    of_pairs = weights.reshape(size, size, -1)[np.ix_(sources, sources)]
    is_new = sources == 0
    of_pairs[is_new] = 0.0
    of_pairs[:, is_new] = 0.0
    return of_pairs.reshape(len(sources) ** 2, -1)


def _sources(before: Vocabulary, now: Vocabulary) -> np.ndarray:
    """The row that each of today's tokens had, int64; 0 for a new one."""
    rows = {token: row for row, token in enumerate(before.tokens, start=1)}
    return np.array([rows.get(token, 0) for token in now.tokens], np.int64)


def _means_of_kin(
    table: np.ndarray, known: np.ndarray, new: np.ndarray, kin: Mapping[str, np.ndarray]
) -> np.ndarray | float:
    """The rows of `new` from those of `known`; zeros where none is known."""
    if not len(known) or not len(new):
        return 0.0
    total = np.zeros((len(new), table.shape[1]))
    count = np.zeros(len(new))
    for repeated in kin.values():
        values = _once_per_row(repeated)
        means, members = _means_by_value(table[known], values[known], int(values.max()) + 1)
        # A kin's value counts once for each of the new row's values that it shares.
        for column in values[new].T:
            shared = (column > 0) & (members[column] > 0)
            total[shared] += means[column[shared]]
            count += shared
    everyone = table[known].mean(axis=0)
    return np.where(count[:, None] > 0, total / np.maximum(count, 1)[:, None], everyone)


def _once_per_row(values: np.ndarray) -> np.ndarray:
    """The values [rows, V], where all but one of those that are equal within a row are made 0."""
    ordered = np.sort(values, axis=1)
    ordered[:, 1:][ordered[:, 1:] == ordered[:, :-1]] = 0
    return ordered


def _means_by_value(
    vectors: np.ndarray, values: np.ndarray, size: int
) -> tuple[np.ndarray, np.ndarray]:
    """The mean vector [size, D] of the rows that have each value, and their number [size]."""
    sums = np.zeros((size, vectors.shape[1]))
    members = np.zeros(size, np.int64)
    for column in values.T:
        np.add.at(sums, column, vectors)
        np.add.at(members, column, 1)
    return sums / np.maximum(members, 1)[:, None], members
