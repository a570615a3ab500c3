"""Breaks things around a served ranker while clients keep ranking, and checks every score.

    make faults-serving

Versions with other weights are rolled in every ten seconds; a version directory is copied half and
left so; Redis is killed and comes back; the server is stopped and started. Meanwhile clients with
an in-process cache and Redis rank, one of them with the states of a version long gone until it is
refused, and one goes on scoring with every state it ever had. Each list of scores must be that of
one version, computed beforehand in this process by `predict`. While the server is away a call waits
for it, up to its deadline of 3 s: that is the only way in which one may fail.

Prints what is done and when, and as its last line one JSON object; ends with an error if there were
wrong scores, other failures, or answers of the half-copied version. It takes about two minutes.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

import numpy as np

from benchmarks import random_model
from benchmarks.fault_scene import FaultScene
from benchmarks.reference_scores import ReferenceScores

_MUST_BE_ZERO = ("wrong", "old_state_wrong", "failed", "half_copied_served")
_SEEDS = (1, 2)  # of the two models that take turns as versions
_USERS = 12
_LISTS = 4
_CANDIDATES = 20
_TOLERANCE = 2e-3  # of probabilities: states are float16


def main() -> None:
    """The script."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=80.0, help="of load")
    parser.add_argument("--clients", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        random_model.export_versions(
            random_model.stage_inputs(folder / "data"), folder / "made", _SEEDS
        )
        scene = FaultScene(folder, _reference(folder / "made", arguments.seed), arguments.seconds)
        found = scene.play(arguments.clients, arguments.seed)
    print(json.dumps(found))
    if any(found[name] for name in _MUST_BE_ZERO):
        sys.exit(1)


def _reference(made: Path, seed: int) -> ReferenceScores:
    rng = np.random.default_rng(seed)
    users = random_model.random_users(rng, _USERS)
    lists = [random_model.random_items(rng, _CANDIDATES) for _ in range(_LISTS)]
    return ReferenceScores(sorted(made.iterdir()), users, lists, "click", _TOLERANCE)


if __name__ == "__main__":
    main()
