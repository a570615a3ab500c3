"""A served ranker computes with few lengths."""

from __future__ import annotations

import pytest
import tensorflow as tf

from trainer.padding import candidate_columns, history_columns, pad_columns


@pytest.mark.parametrize(
    ("longest", "columns"), [(0, 32), (1, 32), (32, 32), (33, 64), (96, 96), (97, 100), (100, 100)]
)
def test_histories_have_a_multiple_of_32_or_the_most(longest: int, columns: int) -> None:
    assert int(history_columns(tf.constant(longest), 100)) == columns


def test_short_histories_have_at_most_what_the_model_takes() -> None:
    assert int(history_columns(tf.constant(0), 5)) == 5


@pytest.mark.parametrize(
    ("count", "columns"), [(1, 8), (8, 8), (9, 16), (1000, 1000), (1001, 1008)]
)
def test_candidates_are_a_multiple_of_8(count: int, columns: int) -> None:
    assert int(candidate_columns(tf.constant(count))) == columns


def test_padding_goes_to_the_end_of_the_second_axis_and_cuts_nothing() -> None:
    assert pad_columns(tf.constant([[1, 2]]), 3).numpy().tolist() == [[1, 2, 0]]
    assert pad_columns(tf.constant([[[1], [2]]]), tf.constant(3)).numpy().tolist() == [
        [[1], [2], [0]]
    ]
    assert pad_columns(tf.constant([[1, 2]]), 1).numpy().tolist() == [[1, 2]]
