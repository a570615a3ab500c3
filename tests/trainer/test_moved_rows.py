"""Rows of a table whose vocabulary has changed, against hand-computed ones."""

from __future__ import annotations

import numpy as np

from trainer.moved_rows import Vocabulary, move_rows, moved_indices, moved_pairs

BEFORE = Vocabulary([b"a", b"b", b"c"], oov_buckets=2)
TABLE = np.array(
    [[0, 0], [1, 10], [2, 20], [4, 40], [5, 50], [6, 60], [7, 70]], np.float32
)  # -, a, b, c, oov, mask


def test_rows_follow_their_tokens() -> None:
    now = Vocabulary([b"c", b"a"], oov_buckets=2)
    np.testing.assert_array_equal(move_rows(TABLE, BEFORE, now), TABLE[[0, 3, 1, 4, 5, 6]])


def test_a_new_row_is_the_mean_over_its_values_of_the_means_of_their_rows() -> None:
    now = Vocabulary([b"new", b"c", b"b", b"a"], oov_buckets=2)
    brand = np.array([[0], [1], [2], [1], [1], [0], [0], [0]])  # new shares its brand with b and a
    tags = np.array(
        [[0, 0], [2, 3], [3, 3], [0, 0], [3, 0], [0, 0], [0, 0], [0, 0]]
    )  # tag 2 is new's alone
    moved = move_rows(TABLE, BEFORE, now, {"brand": brand, "tags": tags})
    brand_mean = (TABLE[2] + TABLE[1]) / 2
    tag_mean = (TABLE[3] + TABLE[1]) / 2
    np.testing.assert_allclose(moved[1], (brand_mean + tag_mean) / 2)
    np.testing.assert_array_equal(moved[2:], TABLE[[3, 2, 1, 4, 5, 6]])


def test_a_new_row_without_kin_is_the_mean_of_the_known_tokens() -> None:
    now = Vocabulary([b"b", b"new", b"a", b"newer"], oov_buckets=2)
    lonely = np.array([[0], [1], [2], [0], [0], [0], [0], [0]])
    for kin in (None, {"brand": lonely}):
        moved = move_rows(TABLE, BEFORE, now, kin)
        np.testing.assert_allclose(moved[[2, 4]], [(TABLE[1] + TABLE[2]) / 2] * 2)


def test_an_empty_vocabulary_is_no_special_case() -> None:
    empty = Vocabulary([], oov_buckets=2)
    np.testing.assert_array_equal(move_rows(TABLE, BEFORE, empty), TABLE[[0, 4, 5, 6]])
    grown = move_rows(
        TABLE[[0, 4, 5, 6]],
        empty,
        Vocabulary([b"a"], 2),
        {"brand": np.array([[0], [1], [0], [0], [0]])},
    )
    np.testing.assert_array_equal(grown, [[0, 0], [0, 0], *TABLE[4:]])


def test_indices_follow_their_words() -> None:
    now = Vocabulary([b"new", b"c", b"b"], oov_buckets=2)
    indices = np.array([1, 2, 3, 4, 5])  # a, b, c, and the two buckets of unknown words
    np.testing.assert_array_equal(moved_indices(indices, BEFORE, now), [-1, 3, 2, 4, 5])
    longer = Vocabulary([b"new", b"c", b"b", b"a"], oov_buckets=2)
    np.testing.assert_array_equal(moved_indices(indices, BEFORE, longer), [4, 3, 2, 5, 6])


def test_a_word_that_is_gone_stays_gone_when_it_comes_back() -> None:
    """Its index would be another word's otherwise, and the two would count each match twice."""
    without = Vocabulary([b"a", b"c"], oov_buckets=2)
    once = moved_indices(np.array([1, 2, 3]), BEFORE, without)
    np.testing.assert_array_equal(once, [1, -1, 2])
    np.testing.assert_array_equal(moved_indices(once, without, BEFORE), [1, -1, 3])
    fewer = Vocabulary([b"c"], oov_buckets=2)
    np.testing.assert_array_equal(moved_indices(once, without, fewer), [-1, -1, 1])


def test_pairs_follow_both_of_their_words() -> None:
    words = list(BEFORE.tokens)
    weights = np.zeros((4, 4))  # the first row and column are the absent word's, which has none
    weights[1:, 1:] = [[10 * before + after for after in (1, 2, 3)] for before in (1, 2, 3)]
    now = Vocabulary([b"c", b"new", b"a"], oov_buckets=2)
    moved = moved_pairs(weights, BEFORE, now).reshape(4, 4)
    assert not moved[0].any() and not moved[:, 0].any()
    for row, before in enumerate(now.tokens, start=1):
        for column, after in enumerate(now.tokens, start=1):
            if b"new" in (before, after):
                assert moved[row, column] == 0
            else:
                expected = 10 * (1 + words.index(before)) + 1 + words.index(after)
                assert moved[row, column] == expected
