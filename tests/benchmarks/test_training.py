"""What `make bench-training` measures with: generated records, padding, sides in turns."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks.training.inputs import GeneratedInputs, write_inputs
from benchmarks.training.log import LENGTH, impressions, make_log
from benchmarks.training.rounds import compare
from benchmarks.training.setting import config
from benchmarks.training.steps import padding
from trainer.pretraining.cloze_config import ClozeConfig
from trainer.ranking_batches import RankingBatches

_SIDE = """
import itertools
from benchmarks.training.rounds import answer
rounds = itertools.count()
def train():
    if next(rounds) > {rounds}:
        raise ValueError("out of memory")
    print("a library's own line", flush=True)
    return 1
answer(train)
"""


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> GeneratedInputs:
    return write_inputs(
        tmp_path_factory.mktemp("log") / "records", make_log(512, 10, items=50), config()
    )


def test_records_hold_what_the_rivals_rows_hold(inputs: GeneratedInputs) -> None:
    rows = impressions(make_log(512, 10, items=50))
    batches = list(RankingBatches(inputs).once(inputs.train))
    clicked = sum(
        float(labels["click"][features["candidate_item_id"] > 0].numpy().sum())
        for features, labels, _ in batches
    )
    assert clicked == rows["clicked"].sum()
    for ours, theirs in (("candidate_category", "category"), ("candidate_brand", "brand")):
        values = np.concatenate([features[ours].numpy().ravel() for features, _, _ in batches])
        np.testing.assert_array_equal(np.bincount(values[values > 0]), np.bincount(rows[theirs]))


@pytest.mark.slow
def test_batches_of_like_lengths_have_less_padding(inputs: GeneratedInputs) -> None:
    small = config().model_copy(update={"pretrain": ClozeConfig(batch_size=16)})
    waste = {kind: of["history"] for kind, of in padding(inputs.by(small)).items()}
    mean = make_log(512, 10, items=50).lengths.mean()
    assert waste["pretrain"] == pytest.approx(
        1 - mean / LENGTH, abs=0.05
    )  # nearly every batch has a long history
    assert waste["pretrain_by_length"] < waste["pretrain"] / 2
    assert waste["finetune_buckets"] < waste["finetune_unsorted"] / 2


def test_sides_take_turns_and_a_side_that_stops_is_named(tmp_path: Path) -> None:
    sides = {name: [sys.executable, "-c", _SIDE.format(rounds=3)] for name in ("ours", "theirs")}
    speeds = compare(sides, 3, tmp_path / "log")
    assert {name: len(of) for name, of in speeds.items()} == {"ours": 3, "theirs": 3}
    assert min(min(of) for of in speeds.values()) > 0
    with pytest.raises(SystemExit, match="(?s)ours stopped.*out of memory"):
        compare(sides, 4, tmp_path / "log")
