"""The cells of experiments.

Each is one training, kept in a folder that is named by all that its result depends on.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
from pathlib import Path
from typing import Any

from pipelines.counts.trees import installed
from pipelines.experiment.found import RankResult
from pipelines.experiment.job import StageName
from pipelines.experiment.records import Records
from pipelines.versions import installed_version
from preprocessing.code_fingerprint import code_fingerprint
from preprocessing.sources.columns import TABLES
from preprocessing.spec import DatasetSpec
from trainer.config import TrainerConfig

RESULT = "result.json"
PREDICTIONS = "predictions.npz"
ENCODER = "encoder"
# What pre-training reads of a trainer's configuration.
_PRETRAINS = ("seed", "precision", "jit_compile", "distribution", "encoder", "pretrain")
_STACK = ("tensorflow", "tf-keras", "tensorflow-recommenders", "tensorflow-transform", "numpy")


@dataclasses.dataclass(frozen=True)
class Cell:
    """One training.

    Attributes:
        stage: `pretrain` makes an encoder, `rank` a ranker, its validation AUC and its predictions
            on the test split, `counts` the same of trees.
        name: The model's; for people.
        trainer: Its configuration, seed included.
        encoder: The cell whose encoder it starts from.
        records: What it trains on and predicts.
    """

    stage: StageName
    name: str
    trainer: TrainerConfig
    encoder: Cell | None
    records: Records

    @property
    def key(self) -> str:
        """A folder name that changes with all that the result depends on.

        That is the trainer's configuration, the data set's but for its name and paths, the records,
        the encoder, and the code and packages that train. It doesn't change with the model's name.
        """
        return f"{self.stage}-seed{self.trainer.seed}-{self._digest()}"

    def folder(self, cells: Path) -> Path:
        """Where its result is, in a folder of cells."""
        return cells / self.key

    def is_done(self, cells: Path) -> bool:
        """Whether its result is there: it is written last, whole."""
        return (self.folder(cells) / RESULT).is_file()

    def result(self, cells: Path) -> RankResult:
        """What the training of a ranker left."""
        return RankResult.model_validate_json((self.folder(cells) / RESULT).read_text())

    def _digest(self) -> str:
        parts = self.trainer.model_dump(mode="json")
        # Only what the result depends on counts, so that models share their pre-training.
        if self.stage == "pretrain":
            parts = {name: parts[name] for name in _PRETRAINS}
        if self.stage == "counts":
            parts = {"seed": parts["seed"]}
        content = {
            "trainer": parts,
            # Records may have features that a model of this data set isn't given.
            "spec": _without_places(self.records.spec),
            "data": self.records.fingerprint,
            "encoder": self.encoder.key if self.encoder else None,
            "code": _code(self.stage),
            "stack": stack_of(self.stage),
        }
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:12]


def pretrain_cell(trainer: TrainerConfig, records: Records) -> Cell:
    """The pre-training that a configuration starts from; models with the same encoder share it."""
    return Cell("pretrain", "encoder", trainer, None, records)


def stack_of(stage: StageName) -> dict[str, str]:
    """The packages that a result depends on, and their versions here."""
    stack = {name: installed_version(name) for name in _STACK}
    if stage == "counts":
        stack["lightgbm"] = installed()
    return stack


def _without_places(spec: DatasetSpec) -> dict[str, Any]:
    """A spec without its name and paths, which nothing but the records depends on."""
    content = spec.model_dump(mode="json")
    del content["name"]
    for table in TABLES:
        for key in ("path", "may_break_off"):
            (content.get(table) or {}).pop(key, None)
    return content


@functools.cache
def _code(stage: StageName) -> str:
    parts = ["preprocessing", "trainer", "pipelines/experiment/predictions.py"]
    if stage == "counts":
        parts.append("pipelines/counts")
    # The worker imports what trains any stage, and so all of it.
    return code_fingerprint(*parts, alone=["pipelines/experiment/worker.py"])
