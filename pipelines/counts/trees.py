"""Boosted trees on rows of counts, by LightGBM."""

from __future__ import annotations

import ctypes
import importlib.metadata
import importlib.util
import os
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from pipelines.counts.rates import Rates
from pipelines.counts.table import Candidates, CandidateTable

HOW_TO_INSTALL = "pip install 'srp4ctr[counts]'"
HOW_TO_INSTALL_OPENMP = "apt-get install libgomp1, on Debian and Ubuntu"
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


def missing() -> str | None:
    """Why trees can't be trained here, and what would do; None where they can."""
    if not installed():
        return f"LightGBM isn't installed: {HOW_TO_INSTALL}"
    try:
        _load_library()
    except OSError as error:
        return f"LightGBM can't be loaded ({error}): {HOW_TO_INSTALL_OPENMP}"
    return None


def _load_library() -> None:
    """Loads LightGBM's own library, and so OpenMP's: to import the package takes 100 times as long.

    OpenMP's comes with the system's compiler, and is not there where that isn't.
    """
    _let_threads_sleep()
    spec = importlib.util.find_spec("lightgbm")
    if spec is not None and spec.origin is not None:
        for library in Path(spec.origin).parent.glob("lib/lib_lightgbm.*"):
            ctypes.CDLL(str(library))


def _lightgbm() -> ModuleType:
    """LightGBM, whose threads sleep while they wait for each other."""
    _let_threads_sleep()
    import lightgbm

    return lightgbm


def _let_threads_sleep() -> None:
    """Tells OpenMP, which reads it once, when it is loaded.

    By default threads spin. Where other processes want the cores, a thread then spins for as long
    as the one that it waits for isn't run: small data took 30 times as long on two loaded cores.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


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
