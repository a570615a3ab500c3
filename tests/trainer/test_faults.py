"""A short form of `make faults-serving`: real processes are killed and restarted while clients
rank."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks import random_model
from benchmarks.fault_scene import FaultScene
from benchmarks.reference_scores import ReferenceScores

pytestmark = pytest.mark.slow
ITEMS = 200
USERS = 8
TOLERANCE = 2e-3  # of probabilities: states are float16


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two rankers of other weights, exported."""
    folder = tmp_path_factory.mktemp("models")
    inputs = random_model.stage_inputs(folder / "data", ITEMS)
    paths = [folder / "one", folder / "other"]
    for seed, path in enumerate(paths):
        random_model.export_ranker(inputs, path, seed)
    return paths


def test_no_score_is_wrong_and_no_call_fails_whatever_breaks(
    models: list[Path], tmp_path: Path
) -> None:
    rng = np.random.default_rng(1)
    users = [random_model.random_user(rng, length, ITEMS) for length in range(USERS)]
    lists = [random_model.random_items(rng, 8, ITEMS) for _ in range(2)]
    reference = ReferenceScores(models, users, lists, "click", TOLERANCE)
    found = FaultScene(tmp_path, reference, seconds=16, roll_seconds=4).play(clients=3, seed=1)
    assert (
        found["failures"],
        found["wrong"],
        found["old_state_wrong"],
        found["half_copied_served"],
    ) == ([], 0, 0, 0)
    assert found["right"] > 50
    exercised = ("old_state_right", "old_state_refused", "renewed", "redis_failures")
    assert 0 not in [found[name] for name in exercised], found
