"""What is found in the predictions of finished cells."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipelines.experiment.experiment import Experiment
from pipelines.experiment.results import collect_results
from tests.pipelines.experiment.testing_experiment import small_experiment

USERS = 50
EACH = 12
LABELS = np.random.default_rng(7).integers(0, 2, USERS * EACH).astype(float)
TAIL = np.resize([False, True], USERS * EACH)
MODELS = {"din": {"baseline": True}, "ours": {"trainer": {"ranker": {"dropout": 0.5}}}}


def _finish(experiment: Experiment, name: str, seed: int, tail: np.ndarray) -> None:
    """Leaves a cell's result: right on other items than the tail's, whose scores are given."""
    cell = experiment.trials(name)[0] if seed == 1 else experiment.final_cell(name, seed)
    folder = cell.folder(experiment.cells)
    folder.mkdir(parents=True)
    columns: dict[str, Any] = {
        "user": np.repeat([f"u{n}" for n in range(USERS)], EACH),
        "popularity": np.where(TAIL, "tail", "head"),
        "history": np.resize(["50+"], USERS * EACH),
        "is_new_user": np.zeros(USERS * EACH, bool),
    }
    for task in experiment.run.dataset.tasks:
        columns[f"label_{task}"] = LABELS
        columns[f"score_{task}"] = np.where(TAIL, tail, LABELS)
    np.savez(folder / "predictions.npz", **columns)
    (folder / "result.json").write_text(json.dumps({"validation_auc": seed / 10}))


def test_models_are_compared_by_slice_on_the_seeds_that_both_have(tmp_path: Path) -> None:
    experiment = small_experiment(tmp_path, {"models": MODELS, "seeds": [1, 2, 3], "resamples": 50})
    for seed in (1, 2):
        _finish(experiment, "din", seed, tail=1 - LABELS if seed == 1 else LABELS)
    for seed in (1, 3):
        _finish(experiment, "ours", seed, tail=LABELS)
    result = next(iter(collect_results(experiment).values()))
    assert result.best_baseline == "din" and result.models["din"].difference == {}
    assert result.models["din"].slices["items: tail"].auc == pytest.approx(0.5)
    # Its own seeds, 1 and 3: what the baseline lacks is no reason to leave a seed out.
    assert result.models["ours"].validation_auc.mean == pytest.approx(0.2)
    found = result.models["ours"].difference
    assert found["all"].seeds == [1]
    assert found["items: tail"].to_json() == {"points": 100.0, "low": 100.0, "high": 100.0}
    assert found["items: head"].to_json() == {"points": 0.0, "low": 0.0, "high": 0.0}
    assert 0 < found["all"].low < found["all"].points < found["all"].high < 100
    assert set(found) == {"all", *result.models["ours"].slices}


@pytest.mark.parametrize("longest", [{}, {"history_length": 100}], ids=["the run's", "another"])
def test_histories_of_another_length_are_not_sliced_by_it(
    tmp_path: Path, longest: dict[str, int]
) -> None:
    models = MODELS | {"din": {"baseline": True} | longest, "short": {"history_length": 10}}
    experiment = small_experiment(tmp_path, {"models": models, "seeds": [1], "resamples": 5})
    for name in models:
        _finish(experiment, name, 1, tail=LABELS if name == "din" else 1 - LABELS)
    found = next(iter(collect_results(experiment).values())).models
    assert "history: 50+" in found["ours"].slices and "history: 50+" not in found["short"].slices
    assert set(found["short"].difference) == {"all", *found["short"].slices}
    assert ("history: 50+" in found["ours"].difference) is (not longest)
