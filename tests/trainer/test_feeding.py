"""Which data which process reads, from which step on, and which strategy it takes."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from preprocessing.config import ConfigError
from preprocessing.errors import DataError
from tests.trainer.conftest import Toy
from trainer.config import DistributionConfig
from trainer.distribution.cluster import Cluster, create_strategy, strategy_name
from trainer.distribution.feeding import Part, _cut
from trainer.distribution.passes import passes
from trainer.layers.dropout import Dropout
from trainer.pretraining.batches import MaskedBatches
from trainer.ranking_batches import RankingBatches
from trainer.step_seed import at_step

WORKERS = {"worker": ["a:1", "b:1"]}


def _numbers(dataset: tf.data.Dataset, count: int) -> list[int]:
    return [int(x) for x in dataset.take(count)]


def test_passes_go_on_where_they_would_have_been() -> None:
    def one_pass(number: tf.Tensor) -> tf.data.Dataset:
        return tf.data.Dataset.range(5).shuffle(5, seed=number)

    whole = _numbers(passes(one_pass, 5), 20)
    assert all(sorted(whole[i : i + 5]) == list(range(5)) for i in range(0, 20, 5))
    assert len({tuple(whole[i : i + 5]) for i in range(0, 20, 5)}) > 1
    for start in (1, 5, 12):
        assert _numbers(passes(one_pass, 5, start), 20 - start) == whole[start:]


def test_a_short_pass_is_gone_through_again_and_a_long_one_is_cut() -> None:
    assert _numbers(passes(lambda number: tf.data.Dataset.range(3), 5), 10) == [
        0,
        1,
        2,
        0,
        1,
        0,
        1,
        2,
        0,
        1,
    ]
    assert _numbers(passes(lambda number: tf.data.Dataset.range(9), 2), 4) == [0, 1, 0, 1]


@pytest.mark.parametrize("stage", [MaskedBatches, RankingBatches])
def test_stages_go_on_with_the_very_batches_that_would_have_come(toy: Toy, stage: type) -> None:
    batches = stage(toy.inputs("train", "validation"))
    whole = [tf.nest.flatten(batch) for batch in batches.endless(Part(), 3, 0).take(7)]
    rest = [tf.nest.flatten(batch) for batch in batches.endless(Part(), 3, 4).take(3)]
    for batch, again in zip(whole[4:], rest, strict=True):
        for x, y in zip(batch, again, strict=True):
            np.testing.assert_array_equal(x, y)


def test_parts_of_a_batch_are_the_batch() -> None:
    batches = tf.data.Dataset.from_tensors(
        {"a": tf.range(7), "b": tf.reshape(tf.range(14), (7, 2))}
    )
    parts = [*_cut(batches, 0, 2, 4), *_cut(batches, 2, 2, 4)]  # of two workers
    assert [len(part["a"]) for part in parts] == [2, 2, 2, 2]  # XLA compiles one step for all
    assert sorted(np.concatenate([part["a"] for part in parts])) == [0, *range(7)]
    assert all((part["b"][:, 0] == 2 * part["a"]).numpy().all() for part in parts)


def test_sharing_files_needs_a_file_a_worker(toy: Toy) -> None:
    records = toy.inputs("train", "validation").records()
    with pytest.raises(
        DataError, match="share_files needs at least a file a worker. Received: 1 files"
    ):
        records.batches(toy.files("train"), 4, part=Part(1, 2))


@pytest.mark.parametrize("worker", [0, 1])
def test_every_worker_refuses_shares_without_a_record(
    worker: int, toy: Toy, tmp_path: Path
) -> None:
    records = toy.inputs("train", "validation").records()
    (full,) = toy.folder.glob("train-*.gz")
    shutil.copy(full, tmp_path / "a.gz")
    options = tf.io.TFRecordOptions(compression_type="GZIP")
    tf.io.TFRecordWriter(str(tmp_path / "b.gz"), options).close()
    with pytest.raises(DataError, match=r"worker 1 of 2 would have files without a record: .*b.gz"):
        records.batches([f"{tmp_path}/*.gz"], 4, part=Part(worker, 2))
    shutil.copy(full, tmp_path / "c.gz")
    shutil.copy(full, tmp_path / "d.gz")
    shared = records.batches([f"{tmp_path}/*.gz"], 4, part=Part(worker, 2))
    assert sum(1 for _ in shared) > 0


def test_counts_are_those_of_the_batches(toy: Toy) -> None:
    inputs = toy.inputs("train", "validation")
    assert inputs.records().count(inputs.train) == len(toy.raw["train"])
    batches = RankingBatches(inputs)
    assert batches.count(inputs.train) == sum(1 for _ in batches.once(inputs.train)) > 1


@pytest.mark.parametrize(
    ("jobs", "job", "index", "strategy", "chief", "serves"),
    [
        ({}, "", 0, "one_device", True, False),
        ({"chief": ["a:1"]}, "chief", 0, "one_device", True, False),
        (WORKERS, "worker", 0, "multi_worker", True, False),
        (WORKERS, "worker", 1, "multi_worker", False, False),
        ({"chief": ["c:1"], **WORKERS}, "worker", 0, "multi_worker", False, False),
        ({"chief": ["c:1"], "ps": ["p:1"], **WORKERS}, "chief", 0, "parameter_server", True, False),
        (
            {"chief": ["c:1"], "ps": ["p:1"], **WORKERS},
            "worker",
            0,
            "parameter_server",
            False,
            True,
        ),
        ({"chief": ["c:1"], "ps": ["p:1"], **WORKERS}, "ps", 0, "parameter_server", False, True),
    ],
)
def test_tf_config_says_what_a_process_does(
    jobs: dict[str, list[str]],
    job: str,
    index: int,
    strategy: str,
    chief: bool,
    serves: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(
        "TF_CONFIG", json.dumps({"cluster": jobs, "task": {"type": job, "index": index}})
    )
    cluster = Cluster.from_environment()
    assert (strategy_name(DistributionConfig(), cluster), cluster.is_chief, cluster.serves) == (
        strategy,
        chief,
        serves,
    )
    assert strategy_name(DistributionConfig(strategy="mirrored"), cluster) == "mirrored"


def test_broken_tf_config_and_missing_cluster_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TF_CONFIG", "[not json")
    with pytest.raises(ConfigError, match="TF_CONFIG must be JSON such as .*Received: '.not json'"):
        Cluster.from_environment()
    message = "strategy: multi_worker needs the environment variable TF_CONFIG"
    with pytest.raises(ConfigError, match=message):
        create_strategy(DistributionConfig(strategy="multi_worker"), Cluster({}))


def test_dropout_is_a_function_of_the_step() -> None:
    layer = Dropout(0.5)
    other = Dropout(0.5)
    x = tf.ones([100])

    def dropped(at: int, by: Dropout = layer) -> list[float]:
        with at_step(tf.constant(at)):
            return by(x, training=True).numpy().tolist()

    assert dropped(3) == dropped(3) != dropped(4)
    assert dropped(3) != dropped(3, other)
    assert set(dropped(3)) == {0.0, 2.0} and 25 < np.count_nonzero(dropped(3)) < 75
    assert layer(x, training=False).numpy().tolist() == [1.0] * 100
    assert layer(x, training=True).numpy().tolist() != layer(x, training=True).numpy().tolist()
