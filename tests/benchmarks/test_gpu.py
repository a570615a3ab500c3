"""What a step is counted to be made of."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.gpu.counts import count_step, shapes_of
from benchmarks.gpu.records import available
from benchmarks.gpu.speeds import workloads
from benchmarks.training.inputs import write_inputs
from benchmarks.training.log import make_log
from trainer.config import EncoderConfig, TrainerConfig
from trainer.distribution.feeding import WHOLE
from trainer.finetune import ranking_stage
from trainer.fitting import make_model
from trainer.pretrain import pretraining_stage
from trainer.pretraining.cloze_config import ClozeConfig
from trainer.ranking_batches import RankingBatches


def _config(**changes: int) -> TrainerConfig:
    encoder = EncoderConfig(dim=8, heads=2, layers=1, feedforward=16)
    return TrainerConfig(encoder=encoder, pretrain=ClozeConfig(batch_size=8, **changes))


@pytest.mark.slow
def test_a_step_has_few_operations_and_no_loop(tmp_path: Path) -> None:
    """Sampled softmax and a table that is updated by rows, too."""
    config = _config(sampled_softmax_above=100, sampled_classes=50)
    sparse = config.pretrain.optimizer.model_copy(update={"sparse_above": 100})
    config = config.model_copy(
        update={"pretrain": config.pretrain.model_copy(update={"optimizer": sparse})}
    )
    stage = pretraining_stage(write_inputs(tmp_path / "log", make_log(32, 2, items=200), config))
    counted = count_step(make_model(stage, config), stage)
    assert 500 < counted.operations < 1400  # 1,324 on 2026-11-27
    assert 80 < counted.optimizer < 0.2 * counted.operations  # more where all else is small
    assert (counted.loops, counted.optimizer_loops) == (0, 0)
    assert counted.batch_bytes > 8 * 32 * 8  # more than one feature


@pytest.mark.slow
def test_an_epoch_has_as_many_shapes_as_the_plan(tmp_path: Path) -> None:
    inputs = write_inputs(tmp_path / "log", make_log(256, 3, items=50), _config())
    plan = RankingBatches(inputs).plan
    found = shapes_of(ranking_stage(inputs, None))
    assert 1 < len(found) <= len(plan.buckets) <= 12
    assert sum(found.values()) == ranking_stage(inputs, None).steps


@pytest.mark.slow
def test_what_is_timed_has_the_sizes_that_it_says(tmp_path: Path) -> None:
    found = workloads(tmp_path, tmp_path / "none", scale=1 / 64)
    assert set(found) == {"pretrain", "ranker"}
    sequences, ranker = (
        next(iter(workload.stage(workload.config).train(WHOLE, 0))) for workload in found.values()
    )
    assert sequences["features"]["history_item_id"].shape == (16, 200)
    assert ranker[0]["candidate_item_id"].shape[1] == 100
    assert found["pretrain"].units(sequences) == 16


def test_records_that_are_there_are_found_without_their_log(tmp_path: Path) -> None:
    (tmp_path / "completejourney").mkdir()
    (tmp_path / "completejourney" / "format.json").write_text("{}")
    assert "completejourney" in available(tmp_path)
