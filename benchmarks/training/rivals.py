"""Training speed of DIN, BST and SRP4CTR here against DeepCTR and FuxiCTR, on one log, in turns."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.training.inputs import write_inputs
from benchmarks.training.log import impressions, make_log
from benchmarks.training.our_side import config
from benchmarks.training.rounds import compare, summary
from benchmarks.training.sizes import BATCH

CANDIDATES_A_ROUND = 40 * BATCH
ITEMS = 10_000
RIVALS = ("deepctr_din", "fuxictr_din")
OURS = ("din", "bst", "srp4ctr")
_ENVIRONMENTS = Path("build/rivals")


def measure(folder: Path, candidates: int, rounds: int, full: bool = False) -> dict[str, Any]:
    """Candidates per second of every side, and our DIN's over the faster rival's.

    Args:
        folder: Where the log goes.
        candidates: Of each request.
        rounds: How often each side trains.
        full: Whether every history is as long as the longest.
    """
    log = make_log(CANDIDATES_A_ROUND // candidates, candidates, ITEMS, full)
    write_inputs(folder / "records", log, config("din"), actions=False)
    rows = folder / "rows.npz"
    columns: dict[str, Any] = dict(impressions(log))
    np.savez(rows, **columns)
    ours = [sys.executable, "-m", "benchmarks.training.our_side", str(folder / "records")]
    commands: dict[str, list[str]] = {}
    for name in OURS:
        commands[f"ours_{name}"] = [*ours, name, str(ITEMS), str(CANDIDATES_A_ROUND)]
    for side in (*RIVALS, "deepctr_bst"):
        library, model = side.split("_")
        python = str(_ENVIRONMENTS / library / "bin" / "python")
        module = f"benchmarks.training.{library}_side"
        commands[side] = [python, "-m", module, str(rows), model, str(ITEMS)]
    speeds = summary(compare(commands, rounds, folder / "sides.log"))
    fastest = max(speeds[rival]["median"] for rival in RIVALS)
    ratio = speeds["ours_din"]["median"] / fastest
    return {"din_ratio": round(ratio, 2), "candidates_a_second": speeds}
