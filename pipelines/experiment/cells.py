"""The cells of experiments.

Each is one training, kept in a folder that is named by all that its result depends on.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
from pathlib import Path

from pipelines.experiment.found import RankResult
from pipelines.experiment.job import Stage
from pipelines.experiment.records import Records
from pipelines.fingerprint import code_fingerprint
from trainer.config import TrainerConfig

RESULT = "result.json"
PREDICTIONS = "predictions.npz"
ENCODER = "encoder"


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

    stage: Stage
    name: str
    trainer: TrainerConfig
    encoder: Cell | None
    records: Records

    @property
    def key(self) -> str:
        """A folder name that changes with configuration, data, encoder and the code that trains.

        It doesn't change with the model's name.
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
        code = _code()
        # Only what the result depends on counts, so that models share their pre-training.
        if self.stage == "pretrain":
            parts = {name: parts[name] for name in ("seed", "encoder", "pretrain")}
        if self.stage == "counts":
            parts = {"seed": parts["seed"]}
            code = _code("pipelines/counts")
        content = {
            "trainer": parts,
            "data": self.records.fingerprint,
            "encoder": self.encoder.key if self.encoder else None,
            "code": code,
        }
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:12]


def pretrain_cell(trainer: TrainerConfig, records: Records) -> Cell:
    """The pre-training that a configuration starts from; models with the same encoder share it."""
    return Cell("pretrain", "encoder", trainer, None, records)


@functools.cache
def _code(*more: str) -> str:
    return code_fingerprint("preprocessing", "trainer", *more)
