"""Times a ranker that pads histories and candidates to few lengths against one that pads nothing.

    make bench-lengths

The model is that of benchmarks/serving.py, exported twice: as it is, and with blocks of one
behaviour and one candidate in trainer/padding.py. A process each loads it into a server's session
and scores users of any length of history, with any number of candidates up to 200. Prints, and as
its last line as one JSON object, requests a second and the process's memory at the start and at the
end of each.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from benchmarks import random_model
from benchmarks.signatures import inputs_left, run_signature
from serving import contract
from serving.inputs import candidate_tensors, user_tensors
from serving.server.session import SavedModelSession
from serving.server_options import RuntimeOptions
from trainer import padding

_SEED = 1
_USERS = 300
_CANDIDATES = 200
_BLOCKS = {"padded": (padding.HISTORY_BLOCK, padding.CANDIDATE_BLOCK), "as_sent": (1, 1)}


def main() -> None:
    """The script."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--requests", type=int, default=4000)
    parser.add_argument(
        "--model", type=Path, help="measure this one, exported before, and nothing else"
    )
    arguments = parser.parse_args()
    if arguments.model:
        print(json.dumps(measure(arguments.model, arguments.requests)))
        return
    result: dict[str, Any] = {"seed": _SEED, "requests": arguments.requests}
    with tempfile.TemporaryDirectory() as name:
        for kind, blocks in _BLOCKS.items():
            padding.HISTORY_BLOCK, padding.CANDIDATE_BLOCK = blocks
            folder = Path(name) / kind
            inputs = random_model.stage_inputs(folder / "data")
            random_model.export_versions(inputs, folder / "models")
            command = [sys.executable, "-m", "benchmarks.lengths"]
            command += ["--model", str(folder / "models" / "1")]
            command += ["--requests", str(arguments.requests)]
            run = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
            result[kind] = json.loads(run.stdout.splitlines()[-1])
            print(kind, result[kind], flush=True)
    result["padded_vs_as_sent"] = round(
        result["padded"]["a_second"] / result["as_sent"]["a_second"], 2
    )
    print(json.dumps(result))


def measure(model: Path, requests: int) -> dict[str, float]:
    """Requests a second, and MiB of memory before and after them."""
    session = SavedModelSession(model, RuntimeOptions())
    rng = np.random.default_rng(_SEED)
    of_users = dict(session.signatures[contract.ENCODE_USER].inputs)
    lengths = rng.integers(0, random_model.LENGTH + 1, _USERS)
    states: list[dict[str, np.ndarray]] = []
    for length in lengths.tolist():
        user = random_model.random_user(rng, length)
        tensors = user_tensors([user], of_users)
        states.append(run_signature(session, contract.ENCODE_USER, tensors))
    of_candidates = inputs_left(session.signatures[contract.SCORE_ITEMS].inputs, states[0])
    before = _resident_mib()
    start = time.perf_counter()
    for _ in range(requests):
        items = random_model.random_items(rng, int(rng.integers(1, _CANDIDATES + 1)))
        candidates = candidate_tensors({contract.CANDIDATE_ITEM_ID: items}, of_candidates, 1)
        state = states[rng.integers(_USERS)]
        run_signature(session, contract.SCORE_ITEMS, state | candidates)
    seconds = time.perf_counter() - start
    return {
        "a_second": round(requests / seconds, 1),
        "mib_before": before,
        "mib_after": _resident_mib(),
    }


def _resident_mib() -> float:
    return round(psutil.Process().memory_info().rss / 2**20, 1)


if __name__ == "__main__":
    main()
