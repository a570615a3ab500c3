"""Boosted trees on made-up candidates whose labels can be told."""

from __future__ import annotations

import ctypes
import os
import re
import subprocess
import sys

import numpy as np
import pytest

from pipelines.counts.found import Counts, TaskCounts
from pipelines.counts.judged import compared, judged
from pipelines.counts.trees import Trees, installed, missing
from pipelines.counts.verdict import not_beaten
from tests.pipelines.counts.candidates import planted
from trainer.metrics import auc


class Table:
    """What trees need of a table."""

    names = ("first", "second")
    categories: tuple[str, ...] = ()
    rated = {"item": 30}


@pytest.mark.slow
def test_trees_find_a_planted_number_and_planted_words_and_are_the_same_twice() -> None:
    training = planted(600, seed=0)
    validation = planted(200, seed=1)
    test = planted(200, seed=2)
    trees, again = (Trees(Table(), "buy", training, validation, seed=1) for _ in range(2))  # type: ignore[arg-type]
    assert installed() and trees.rounds >= 5
    assert trees.names == ["first", "second", "item count", "item rate"]
    scores = trees.scores(test)
    np.testing.assert_array_equal(scores, again.scores(test))
    number_alone = auc(test.labels["buy"], test.numbers[:, 0])
    assert auc(test.labels["buy"], scores) > max(number_alone + 0.02, 0.85)


def test_the_difference_to_a_ranker_has_an_interval_over_users() -> None:
    rng = np.random.default_rng(0)
    labels = rng.random(900) < 0.3
    users = np.repeat(np.arange(90), 10)
    good = labels + rng.normal(size=900)
    poor = labels + 3 * rng.normal(size=900)
    good_one = judged(labels, users, good)
    poor_one = judged(labels, users, poor)
    lost = compared(poor_one, good_one, 3)
    won = compared(good_one, poor_one, 3)
    assert lost.points is not None and lost.low is not None and lost.high is not None
    assert lost.low < lost.points < lost.high < 0 and lost.beats_model and not won.beats_model
    assert (won.points, won.auc, won.model_auc) == (-lost.points, lost.model_auc, lost.auc)


def test_a_ranker_that_must_beat_the_trees_is_refused_unless_it_does() -> None:
    won = TaskCounts(auc=0.7, model_auc=0.75, points=5.0, low=4.0, high=6.0, trees=9)
    lost = TaskCounts(auc=0.75, model_auc=0.7, points=-5.0, low=-6.0, high=-4.0, trees=9)
    assert not_beaten(Counts(missing=None, tasks={"click": won})) == []
    (reason,) = not_beaten(Counts(missing=None, tasks={"click": won, "buy": lost}))
    assert (
        "“buy” is 0.7000, and that of the trees 0.7500 (−5.00 points, 95 % interval −6.00 to −4.00)"
        in reason
    )
    (reason,) = not_beaten(Counts(missing=None, tasks={"click": lost, "like": won, "buy": lost}))
    assert reason.startswith("evaluation.must_beat asks for a model that beats boosted trees on ")
    assert reason.count("evaluation.must_beat") == 1 and "like" not in reason
    assert "−4.00); the test AUC of “buy” is 0.7000" in reason
    (reason,) = not_beaten(Counts(missing="LightGBM isn't installed"))
    assert "none to compare with. LightGBM isn't installed." in reason


def test_a_missing_library_of_the_system_is_named_with_what_would_do(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert missing() is None

    def refuse(path: str) -> None:
        assert path.endswith("lib_lightgbm.so")
        raise OSError("libgomp.so.1: cannot open shared object file: No such file or directory")

    monkeypatch.setattr(ctypes, "CDLL", refuse)
    assert missing() == (
        "LightGBM can't be loaded (libgomp.so.1: cannot open shared object file: No such file or "
        "directory): apt-get install libgomp1, on Debian and Ubuntu"
    )


@pytest.mark.slow
@pytest.mark.parametrize("first", ["_lightgbm", "missing"])
def test_threads_sleep_while_they_wait_for_each_other(first: str) -> None:
    """As OpenMP itself says when LightGBM loads it."""
    environment = os.environ | {"OMP_DISPLAY_ENV": "true"}
    environment.pop("OMP_WAIT_POLICY", None)
    code = f"from pipelines.counts import trees; trees.{first}()"
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert re.search("OMP_WAIT_POLICY *= *'PASSIVE'", done.stderr), done.stderr
