"""Boosted trees on rows of counts, by LightGBM."""

from __future__ import annotations

import importlib.metadata
import os
from types import ModuleType
from typing import Any

import numpy as np

from pipelines.counts.rates import Rates
from pipelines.counts.table import Candidates, CandidateTable

HOW_TO_INSTALL = "pip install 'srp4ctr[counts]'"
_ROUNDS = 2000  # trees at most
_PATIENCE = 50  # trees without a better validation AUC, after which no more are added
_SETTINGS = {
    "objective": "binary",
    "metric": "auc",
    "learning_rate": 0.05,
    "num_leaves": 63,
    "min_data_in_leaf": 50,
    "feature_fraction": 0.5,
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
    "cat_smooth": 20,
    "lambda_l2": 5,
    "deterministic": True,
    "force_col_wise": True,
    "verbose": -1,
}


def installed() -> str:
    """LightGBM's version; "" where it isn't installed."""
    try:
        return importlib.metadata.version("lightgbm")
    except importlib.metadata.PackageNotFoundError:
        return ""


def _lightgbm() -> ModuleType:
    """LightGBM, whose threads sleep while they wait for each other.

    By default they spin. Where other processes want the cores, a thread then spins for as long as
    the one that it waits for isn't run: small data took 30 times as long on two loaded cores.
    """
    # OpenMP reads it once, when LightGBM loads it.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    import lightgbm

    return lightgbm


class Trees:
    """Trees for one task, as many as the validation AUC is best with.

    Args:
        table: What made the rows.
        task: The task.
        training: Rows to learn from.
        validation: Rows to stop by.
        seed: Of everything random.
    """

    def __init__(
        self,
        table: CandidateTable,
        task: str,
        training: Candidates,
        validation: Candidates,
        seed: int,
    ) -> None:
        lightgbm = _lightgbm()
        self._rates = Rates(training, task, table.rated, seed)
        self.names = [*table.names, *self._rates.names]
        dataset = lightgbm.Dataset(
            np.hstack([training.numbers, self._rates.of_training()]),
            training.labels[task],
            categorical_feature=[self.names.index(name) for name in table.categories],
            params={"verbose": -1},
        )
        held_out = dataset.create_valid(self._columns(validation), validation.labels[task])
        self._booster: Any = lightgbm.train(
            _SETTINGS | {"seed": seed},
            dataset,
            _ROUNDS,
            valid_sets=[held_out],
            callbacks=[lightgbm.early_stopping(_PATIENCE, verbose=False)],
        )

    @property
    def rounds(self) -> int:
        """How many trees there are."""
        return int(self._booster.best_iteration)

    def scores(self, candidates: Candidates) -> np.ndarray:
        """Probabilities, [C]."""
        return np.asarray(self._booster.predict(self._columns(candidates)))

    def _columns(self, candidates: Candidates) -> np.ndarray:
        return np.hstack([candidates.numbers, self._rates.of(candidates)])
