"""A toy data set through the transform graph, pre-training, fine-tuning and export; slow, so made
once a session."""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import tensorflow as tf

from preprocessing.spec import DatasetSpec
from tests.testing_trainer import (
    Raw,
    catalog_record,
    eagerly,
    raw_records,
    toy_spec,
    transform_raws,
)
from trainer.config import TrainerConfig
from trainer.export.saved_model import export
from trainer.finetune import finetune
from trainer.inputs import StageInputs
from trainer.models.ranker import Ranker
from trainer.pretrain import pretrain

if TYPE_CHECKING:
    from serving.server import ModelServer

TOY_VERSION = 7
TINY: dict[str, Any] = {
    "encoder": {"dim": 8, "heads": 2, "layers": 2, "feedforward": 16},
    "pretrain": {"epochs": 2, "batch_size": 8, "optimizer": {"learning_rate": 0.01}},
    "ranker": {
        "embedding_dim": 4,
        "interest": "din",
        "attention_units": (8, 4),
        "experts": 2,
        "expert_units": (8, 4),
        "tower_units": 4,
        "query_tokens": 2,
        "transitions": True,
    },
    "finetune": {
        "epochs": 1,
        "batch_size": 16,
        "evaluations_per_epoch": 2,
        "optimizer": {"learning_rate": 0.01},
    },
    "export": {"state_dtype": "float32"},
}


@dataclasses.dataclass(frozen=True)
class Toy:
    """The toy data set: its spec, raw records by split, and the folder of their transformed
    files."""

    spec: DatasetSpec
    raw: dict[str, list[Raw]]
    folder: Path

    def files(self, split: str) -> list[str]:
        return [str(self.folder / f"{split}-*.gz")]

    def inputs(self, train: str, validation: str, **changes: Any) -> StageInputs:
        """A stage's inputs with the tiny configuration, some of its parts replaced."""
        return StageInputs(
            train=self.files(train),
            validation=self.files(validation),
            catalog=self.files("catalog"),
            transform_dir=str(self.folder / "graph"),
            spec=self.spec,
            config=TrainerConfig.model_validate(TINY | changes),
        )


@dataclasses.dataclass(frozen=True)
class Exported:
    """An exported ranker: what made it, its folder, and the loaded SavedModel."""

    ranker: Ranker
    inputs: StageInputs
    results: dict[str, Any]
    folder: Path
    loaded: Any

    def __call__(self, signature: str, **tensors: tf.Tensor) -> dict[str, tf.Tensor]:
        outputs: dict[str, tf.Tensor] = self.loaded.signatures[signature](**tensors)
        return outputs


@pytest.fixture(scope="session")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Toy:
    spec = toy_spec()
    folder = tmp_path_factory.mktemp("toy")
    counts = {"pretrain": 24, "train": 24, "validation": 16}
    raw: dict[str, list[Raw]] = {}
    for seed, (split, count) in enumerate(counts.items()):
        raw[split] = raw_records(spec, count, seed)
    raw["catalog"] = [catalog_record(spec)]
    transform_raws(spec, raw, folder)
    return Toy(spec, raw, folder)


@pytest.fixture(scope="session")
def pretrained(toy: Toy, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a pre-training export."""
    folder = tmp_path_factory.mktemp("pretrained")
    with eagerly():
        pretrain(toy.inputs("pretrain", "validation"), str(folder))
    return folder


@pytest.fixture(scope="session")
def exported(toy: Toy, pretrained: Path, tmp_path_factory: pytest.TempPathFactory) -> Exported:
    """A fine-tuned ranker, exported with float32 states."""
    folder = tmp_path_factory.mktemp("exported")
    inputs = toy.inputs("train", "validation")
    ranker, results = finetune(inputs, str(pretrained))
    export(ranker, inputs, str(folder))
    return Exported(
        ranker, inputs, json.loads(json.dumps(results)), folder, tf.saved_model.load(str(folder))
    )


@pytest.fixture(scope="session")
def toy_versions(exported: Exported, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory of versions, with the exported ranker for the only one."""
    folder = tmp_path_factory.mktemp("models") / "toy"
    shutil.copytree(exported.folder, folder / str(TOY_VERSION))
    return folder


@pytest.fixture(scope="session")
def toy_server(toy_versions: Path) -> Iterator[ModelServer]:
    """A local server of the exported ranker, which takes as long to load as a test."""
    from serving.server import ModelServer

    with ModelServer("toy", toy_versions, grpc_port=0, rest_port=0) as server:
        yield server
