"""What can be learned of the planted logs is less than what is known, and more than by chance."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.planted import SITES, best
from pipelines.config import load_run_config
from preprocessing.adapters import planted_counts

ROOT = Path(__file__).parent.parent.parent


@pytest.mark.slow
@pytest.mark.parametrize("name", list(SITES))
def test_what_is_learned_comes_close_to_what_is_known(tmp_path: Path, name: str) -> None:
    spec = load_run_config(ROOT / f"configs/planted_{name}.yaml").dataset
    log = tmp_path / "log.csv"
    planted_counts.build(log, SITES[name], pages=2000, seed=1)
    found = best(log, spec, SITES[name])
    assert found.candidates > 1000
    assert 0.6 < found.learned < found.known
    # Where items are frozen, popular items are shown often, and are known well at the end.
    still = SITES[name]._replace(drift=0.0, life=1e9, alive=30, follows=0.0, taste=0.0)
    planted_counts.build(log, still, pages=2000, seed=1)
    known_well = best(log, spec, still)
    assert known_well.known - known_well.learned < found.known - found.learned
    assert known_well.learned == pytest.approx(known_well.known, abs=0.01)
