"""A ranker that starts from an earlier one whose vocabularies were others."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from preprocessing.config import ConfigError
from preprocessing.features import TRAINING_EVENTS, candidate_inputs, number_name, user_inputs
from preprocessing.kinds.numeric import Numeric
from tests.testing_trainer import (
    Raw,
    dense_inputs,
    random_features,
    raw_records,
    toy_spec,
    transform_raws,
)
from tests.trainer.conftest import TINY, Exported, Toy
from trainer.export.assembly import serving_module
from trainer.finetune import build_ranker
from trainer.inputs import StageInputs
from trainer.models.ranker import Ranker
from trainer.pretrain import CHECKPOINT, pretraining_stage
from trainer.task import run
from trainer.warm_start import earlier_ranker, write_ranker

pytestmark = pytest.mark.slow
NEW = (
    {"brand": "p", "tags": "x|y", "price": 1.0},
    {"brand": "r", "tags": "", "price": float("nan")},
)


@pytest.fixture(scope="session")
def grown(toy: Toy, tmp_path_factory: pytest.TempPathFactory) -> Toy:
    """The toy's next day: two new items, the most frequent ones, and the old ones in the opposite
    order."""
    spec = toy.spec
    folder = tmp_path_factory.mktemp("grown")
    catalog = dict(toy.raw["catalog"][0])
    old = len(toy.raw["catalog"][0]["candidate_item_id"])
    for number, item in enumerate(NEW):
        values = {"item_id": f"i{old + number}"} | item
        for name, value in values.items():
            catalog[f"candidate_{name}"] = [*catalog[f"candidate_{name}"], value]
    catalog[TRAINING_EVENTS] = list(range(old + len(NEW)))
    raw: dict[str, list[Raw]] = {}
    for seed, split in enumerate(("pretrain", "train", "validation")):
        raw[split] = raw_records(spec, 24, seed + 10)
    raw["catalog"] = [catalog]
    transform_raws(spec, raw, folder)
    return Toy(spec, raw, folder)


@pytest.fixture(scope="session")
def inputs(grown: Toy, exported: Exported) -> StageInputs:
    """The next day's inputs, to start from the first day's ranker."""
    return dataclasses.replace(grown.inputs("train", "validation"), start_from=str(exported.folder))


@pytest.fixture(scope="session")
def ranker(inputs: StageInputs) -> Ranker:
    return earlier_ranker(inputs)


def _tokens(inputs: StageInputs, name: str) -> list[bytes]:
    return list(inputs.transform_output().vocabulary_by_name(name))


def test_scores_of_known_ids_stay(
    inputs: StageInputs, ranker: Ranker, exported: Exported, toy: Toy
) -> None:
    then, now = (_tokens(x, "item_id") for x in (exported.inputs, inputs))
    assert len(now) == len(then) + 2 and [token for token in now if token in then] == then[::-1]
    raws = toy.raw["validation"]
    request = dense_inputs(user_inputs(toy.spec) + candidate_inputs(toy.spec), raws)
    today = serving_module(ranker, inputs)
    before = serving_module(ranker, exported.inputs)
    features = today.user_features(request) | today.candidate_features(request)
    earlier = before.user_features(request) | before.candidate_features(request)
    numbers = {name: value for name, value in earlier.items() if name.endswith("_NUMBER")}
    statistics: list[str] = []
    for side in ("user", "candidate"):
        statistics += [f"{side}_{column.name}" for column in toy.spec.statistic_columns(side)]
    declared = ["user_age", "history_price", "candidate_price"]
    assert set(numbers) == set(map(number_name, declared + statistics))
    is_candidate = request["candidate_item_id"].numpy() != b""
    buckets = {name: earlier[name] for name in statistics}
    # Each day's own records standardise its numbers, and set the bounds of its buckets.
    scores = ranker(features | numbers | buckets, training=False)
    for task, expected in exported("predict", **request).items():
        np.testing.assert_allclose(
            tf.sigmoid(scores[task])[is_candidate], expected[is_candidate], atol=1e-5
        )
        assert np.ptp(expected) > 0.01


def test_new_items_start_from_their_kin(inputs: StageInputs, ranker: Ranker) -> None:
    tokens = _tokens(inputs, "item_id")
    tables_of_items = inputs.records().catalog(inputs.catalog).tables
    catalog = {name: table.numpy() for name, table in tables_of_items.items()}
    assert ranker.encoder is not None
    tables = [
        ranker.embed.tables["item_id"].table.numpy(),
        ranker.encoder.embeddings["item_id"].table.numpy(),
    ]
    index = {name: 1 + tokens.index(name) for name in (b"i8", b"i9")}
    known = [row for row in range(1, 1 + len(tokens)) if row not in index.values()]
    for table in tables:
        means = []
        for values in catalog.values():
            for value in set(np.atleast_1d(values[index[b"i8"]])):
                rows = [row for row in known if value and value in np.atleast_1d(values[row])]
                means += [table[rows].mean(axis=0)] if rows else []
        assert len(means) == 4  # a brand, two tags, a price
        np.testing.assert_allclose(table[index[b"i8"]], np.mean(means, axis=0), atol=1e-6)
        np.testing.assert_allclose(
            table[index[b"i9"]], table[known].mean(axis=0), atol=1e-6
        )  # nobody has its brand


def test_pre_training_starts_from_the_earlier_encoder(
    inputs: StageInputs, ranker: Ranker, grown: Toy
) -> None:
    changes: dict[str, Any] = {"pretrain": TINY["pretrain"] | {"epochs": 7, "warm_epochs": 3}}
    warm = dataclasses.replace(
        grown.inputs("pretrain", "validation", **changes), start_from=inputs.start_from
    )
    stage = pretraining_stage(warm)
    assert stage.epochs == 3 and ranker.encoder is not None
    _assert_equal(stage.build().encoder.get_weights(), ranker.encoder.get_weights())
    assert pretraining_stage(dataclasses.replace(warm, start_from=None)).epochs == 7


def test_fine_tuning_starts_from_the_earlier_ranker_and_todays_encoder(
    inputs: StageInputs, ranker: Ranker, tmp_path: Path
) -> None:
    cold = build_ranker(inputs, _batches(inputs), None)
    tf.train.Checkpoint(encoder=cold.encoder).write(str(tmp_path / CHECKPOINT))
    write_ranker(ranker, str(tmp_path))
    warm = build_ranker(inputs, _batches(inputs), str(tmp_path))
    assert warm.encoder is not None and cold.encoder is not None and ranker.encoder is not None
    _assert_equal(warm.encoder.get_weights(), cold.encoder.get_weights())
    todays = {weight.ref() for weight in warm.encoder.weights}
    started: list[np.ndarray] = []
    left: list[np.ndarray] = []
    for weight, earlier in zip(warm.weights, ranker.weights, strict=True):
        if weight.ref() not in todays:
            started.append(weight.numpy())
            left.append(earlier.numpy())
    assert len(started) > 20
    _assert_equal(started, left)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"encoder": TINY["encoder"] | {"dim": 16}}, r"trainer.encoder.dim \(8 then, 16 now\)"),
        (
            {"ranker": TINY["ranker"] | {"query_tokens": 0}},
            r"trainer.ranker.query_tokens \(2 then, 0 now\)",
        ),
    ],
)
def test_another_architecture_is_refused(
    grown: Toy, exported: Exported, changes: dict[str, Any], named: str
) -> None:
    inputs = dataclasses.replace(
        grown.inputs("train", "validation", **changes), start_from=str(exported.folder)
    )
    with pytest.raises(
        ConfigError, match=rf"made with another {named}\. For .*set warm_start: false"
    ):
        earlier_ranker(inputs)


def test_a_ranker_from_before_numbers_is_refused(
    grown: Toy, exported: Exported, monkeypatch: pytest.MonkeyPatch
) -> None:
    inputs = dataclasses.replace(
        grown.inputs("train", "validation"), start_from=str(exported.folder)
    )
    monkeypatch.setattr(
        Numeric, "has_number", False
    )  # as if the exported one, which has more, were the older
    with pytest.raises(
        ConfigError, match=r"an earlier version of srp4ctr made it: .*set warm_start: false"
    ):
        earlier_ranker(inputs)


def test_other_features_are_refused_and_another_dropout_is_not(
    grown: Toy, exported: Exported
) -> None:
    dropout = {"ranker": TINY["ranker"] | {"dropout": 0.5, "id_dropout": 0.1}}
    inputs = dataclasses.replace(
        grown.inputs("train", "validation", **dropout), start_from=str(exported.folder)
    )
    assert earlier_ranker(inputs).config.dropout == 0.5
    fewer = toy_spec(features=toy_spec().features.model_copy(update={"context": {}}))
    named = r"dataset.features.context_device \(categorical then, none now\);.*oov_buckets"
    with pytest.raises(ConfigError, match=f"made with another {named}"):
        earlier_ranker(dataclasses.replace(inputs, spec=fewer))


def test_what_is_no_ranker_is_refused(inputs: StageInputs, pretrained: Path) -> None:
    with pytest.raises(ConfigError, match="no exported ranker to start from"):
        earlier_ranker(dataclasses.replace(inputs, start_from=str(pretrained)))


def test_there_must_be_a_ranker_to_start_from(inputs: StageInputs) -> None:
    with pytest.raises(ValueError, match="no ranker to start from.*start_from=None"):
        earlier_ranker(dataclasses.replace(inputs, start_from=None))


def test_fine_tuning_by_itself_takes_no_ranker(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "toy.yaml"
    config.write_text(f"dataset: {toy_spec().model_dump_json(exclude_none=True)}\n")
    options = ["--examples", "E", "--transform", "T", "--model-dir", "M", "--start-from", "R"]
    with pytest.raises(SystemExit):
        run(["finetune", str(config), *options])
    assert "starts from where its --encoder's" in " ".join(
        capsys.readouterr().err.replace("│", " ").split()
    )


def _batches(inputs: StageInputs) -> tf.data.Dataset:
    return tf.data.Dataset.from_tensors((random_features(inputs.fields(), (4, 2, 1)), {}, {}))


def _assert_equal(found: list[np.ndarray], expected: list[np.ndarray]) -> None:
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, other)
