"""What models give the test candidates, kept to pair them later."""

from __future__ import annotations

import dataclasses

import numpy as np

from pipelines.counts.scores import BASE, RANKER, TestScores

FOUND = TestScores(
    users=np.array([0, 0, 1, 2]),
    labels={"buy": np.array([True, False, False, True]), "buy again": np.array([0, 0, 0, 1])},
    scores={
        (RANKER, "buy"): np.array([0.9, 0.1, 0.2, 0.8], np.float32),
        (BASE, "buy again"): np.array([0.5, 0.25, 0.2, 0.8], np.float32),
    },
)


def test_scores_are_read_as_they_were_written() -> None:
    read = TestScores.from_bytes(FOUND.to_bytes())
    np.testing.assert_array_equal(read.users, FOUND.users)
    assert read.labels.keys() == FOUND.labels.keys()
    assert read.scores.keys() == FOUND.scores.keys()
    for task, labels in FOUND.labels.items():
        np.testing.assert_array_equal(read.labels[task], labels)
    for key, scores in FOUND.scores.items():
        np.testing.assert_array_equal(read.scores[key], scores)
    assert read.same_candidates(FOUND)


def test_other_users_labels_or_numbers_of_candidates_are_other_candidates() -> None:
    def changed(**changes: object) -> TestScores:
        return dataclasses.replace(FOUND, **changes)  # type: ignore[arg-type]

    assert not FOUND.same_candidates(changed(users=np.array([0, 1, 1, 2])))
    assert not FOUND.same_candidates(changed(users=FOUND.users[:3]))
    assert not FOUND.same_candidates(changed(labels={"buy": np.array([1, 1, 0, 1])}))
    # Tasks that only one of them has don't matter.
    assert FOUND.same_candidates(changed(labels={"click": np.array([1, 1, 0, 1])}))
