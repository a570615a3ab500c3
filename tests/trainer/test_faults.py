"""A short form of `make faults-serving`: real processes are killed and restarted while clients
rank."""

from pathlib import Path

import pytest

from benchmarks.fault_scene import FaultScene
from benchmarks.reference_scores import ReferenceScores
from preprocessing.features import user_inputs
from preprocessing.plain import for_client
from tests.trainer.conftest import Exported, Toy
from trainer.export.saved_model import export

pytestmark = pytest.mark.slow
ITEMS = [f"i{n}" for n in range(8)]


@pytest.fixture(scope="module")
def other(exported: Exported, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The exported ranker with other weights."""
    weights = exported.ranker.get_weights()
    path = tmp_path_factory.mktemp("other")
    exported.ranker.set_weights([1.5 * x if x.dtype.kind == "f" else x for x in weights])
    try:
        export(exported.ranker, exported.inputs, str(path))
    finally:
        exported.ranker.set_weights(weights)
    return path


def test_no_score_is_wrong_and_no_call_fails_whatever_breaks(
    exported: Exported, other: Path, toy: Toy, tmp_path: Path
) -> None:
    names = [feature.name for feature in user_inputs(toy.spec)]
    users = [{name: for_client(raw[name]) for name in names} for raw in toy.raw["validation"]]
    models = [exported.folder, other]
    reference = ReferenceScores(
        models, users, [ITEMS, ITEMS[::-1]], next(iter(toy.spec.tasks)), tolerance=1e-4
    )
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
