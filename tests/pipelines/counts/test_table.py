"""Rows of candidates, from batches of transformed records."""

from __future__ import annotations

import dataclasses

import numpy as np
import tensorflow as tf

from pipelines.counts.table import CandidateTable
from tests.testing_trainer import random_features, toy_fields, toy_spec
from trainer.fields import Fields
from trainer.layers.match_counts import MatchCounts

LENGTHS = (4, 0, 2)


def _batch(fields: Fields) -> dict[str, tf.Tensor]:
    """Three requests, of 3, 3 and 2 candidates."""
    batch = random_features(fields, LENGTHS, candidates=3)
    there = np.array([[1, 1, 1], [1, 1, 1], [1, 1, 0]])
    batch["candidate_item_id"] *= there
    labels = {f"label_{task}": tf.constant(np.eye(3), tf.float32) for task in fields.tasks}
    return batch | labels


def test_a_row_has_what_its_user_and_its_candidate_have() -> None:
    fields = toy_fields()
    table = CandidateTable(fields, toy_spec())
    batch = _batch(fields)
    rows = table.of_batches([batch, batch])
    assert rows.requests.tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 3, 3, 3, 4, 4, 4, 5, 5]
    assert (
        rows.labels["click"].tolist() == [True, False, False, False, True, False, False, False] * 2
    )
    assert rows.numbers.shape == (16, len(table.names))
    column = dict(zip(table.names, rows.numbers[:8].T, strict=True))
    np.testing.assert_array_equal(column["history_length"], np.repeat(LENGTHS, (3, 3, 2)))
    known = batch["candidate_price"].numpy() > 0
    prices = np.where(known, batch["candidate_price_NUMBER"].numpy(), np.nan)
    np.testing.assert_array_equal(column["candidate_price"], prices.ravel()[:8])
    ages = np.where(batch["user_age"] > 0, batch["user_age_NUMBER"], np.nan).astype(np.float32)
    np.testing.assert_array_equal(column["user_age"], np.repeat(ages, (3, 3, 2)))
    assert not {"candidate_tags", "user_interests"} & set(table.names)  # several words: rates alone
    np.testing.assert_array_equal(
        rows.words["candidate_tags"][:8], batch["candidate_tags"].numpy().reshape(9, 2)[:8]
    )


def test_matches_are_those_of_the_rankers() -> None:
    fields = toy_fields()
    table = CandidateTable(fields, toy_spec())
    batch = _batch(fields)
    layer = MatchCounts(fields.matches)
    mask = batch["history_item_id"] > 0
    expected = layer(layer.user_state(batch), mask, batch).numpy().reshape(9, -1)[:8]
    np.testing.assert_allclose(table.of_batches([batch]).numbers[:, -layer.width :], expected)


def test_without_declared_matches_the_item_and_its_words_are_matched() -> None:
    fields = dataclasses.replace(toy_fields(), matches=())
    names = [name for name in CandidateTable(fields, toy_spec()).names if name.startswith("match")]
    expected: list[str] = []
    for field in ("item_id", "tags", "brand"):
        expected += [f"match {field} {place}" for place in range(3)]
    assert names == expected
    assert CandidateTable(fields, toy_spec()).of_batches([_batch(fields)]).numbers.shape[0] == 8


def test_rates_of_words_are_learned_where_no_statistic_has_them() -> None:
    spec = toy_spec()
    counted = {
        "brand": {"windows": ["all"], "counts": ["rate"]},
        "shown": {"of": ["item_id"], "counts": ["events"]},
        "mine": {"of": ["user", "item_id"], "counts": ["rate"]},
    }
    features = spec.features.model_dump() | {"statistics": counted}
    spec = toy_spec(features=features)
    table = CandidateTable(toy_fields(spec), spec)
    assert "candidate_brand" in table.sizes and "candidate_brand" not in table.rated
    assert {"candidate_item_id", "candidate_tags"} <= set(table.rated)
