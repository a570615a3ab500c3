"""What a served ranker costs by the size of the catalogue.

    make bench-scale
    python -m benchmarks.scale --items 10000 100000

The model is that of benchmarks/serving.py, with random weights. For each size, processes of their
own make the transform graph and catalogue of as many items, and export the ranker. Then one server
for each size answers the same kinds of request, in turns, so that whatever else the machine does
hits all alike. Prints a table, and as its last line one JSON object:

    bytes_per_item          bytes that the SavedModel grows by with each item, between the smallest
                            and the largest catalogue
    load_seconds_1m         until a server with the largest catalogue answers
    score_time_1m_vs_10k    median time of `score_items` with 100 candidates and a state that the
                            client holds, the largest over the smallest
    export_memory_ratio_10x peak memory of the export, the largest over the next smaller one
    sizes                   for each size: seconds and megabytes of each step
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks import random_model
from benchmarks.peak_memory import peak_mb
from benchmarks.server_process import ServerProcess
from benchmarks.signatures import inputs_left
from benchmarks.wire import Wire
from serving import contract
from serving.inputs import candidate_tensors, user_tensors

SIZES = (10_000, 100_000, 1_000_000)
_ROUNDS = 300
_WARM_UP = 20
_CANDIDATES = 100
_STEPS = ("transform", "export")


def main() -> None:
    """The script."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--items", type=int, nargs="+", default=SIZES, help="sizes of catalogues")
    parser.add_argument("--rounds", type=int, default=_ROUNDS, help="requests for each size")
    parser.add_argument("--step", choices=_STEPS, help="do one step in --folder, and no more")
    parser.add_argument("--folder", type=Path)
    arguments = parser.parse_args()
    if arguments.step:
        _take_step(arguments.step, arguments.folder, arguments.items[0])
        return
    sizes = sorted(arguments.items)
    with tempfile.TemporaryDirectory() as name:
        found: dict[int, dict[str, Any]] = {}
        for items in sizes:
            found[items] = _made(Path(name) / str(items), items)
        seconds = _served(Path(name), found, arguments.rounds)
    for items, taken in seconds.items():
        found[items]["score_ms"] = round(1000 * float(np.median(taken)), 3)
    report(found)


def _take_step(step: str, folder: Path, items: int) -> None:
    """What a process of its own does for a size."""
    if step == "transform":
        random_model.stage_inputs(folder / "data", items)
        return
    inputs = random_model.written_inputs(folder / "data")
    random_model.export_ranker(inputs, folder / "models" / "1")


def _made(folder: Path, items: int) -> dict[str, Any]:
    """Writes an exported ranker to `folder`; seconds, megabytes and bytes that it took."""
    found: dict[str, Any] = {}
    folder.mkdir()
    for step in _STEPS:
        used = folder / f"{step}.json"
        options = ("--step", step, "--folder", str(folder), "--items", str(items))
        measured = [sys.executable, "-m", "benchmarks.peak_memory", str(used)]
        started = time.perf_counter()
        subprocess.run([*measured, sys.executable, "-m", "benchmarks.scale", *options], check=True)
        found[f"{step}_seconds"] = round(time.perf_counter() - started, 1)
        found[f"{step}_mb"] = json.loads(used.read_text())["memory_mb"]
    found["model_bytes"] = 0
    for path in (folder / "models").rglob("*"):
        if path.is_file():
            found["model_bytes"] += path.stat().st_size
    return found


def _served(root: Path, found: dict[int, dict[str, Any]], rounds: int) -> dict[int, np.ndarray]:
    """Seconds of each request for each size; adds to `found` what starting a server took."""
    with contextlib.ExitStack() as stack:
        requests = {}
        for items in found:
            folder = root / str(items)
            server = ServerProcess(folder / "models", folder / "server.log")
            started = time.perf_counter()
            server.start()
            stack.callback(server.stop)
            found[items]["load_seconds"] = round(time.perf_counter() - started, 1)
            found[items]["server_mb"] = round(peak_mb(server.pid))
            wire = stack.enter_context(
                contextlib.closing(Wire(server.address, contract.DEFAULT_MODEL_NAME))
            )
            requests[items] = (wire, _request(wire, items))
        seconds: dict[int, list[float]] = collections.defaultdict(list)
        rng = np.random.default_rng(1)
        for round_number in range(_WARM_UP + rounds):
            for items in rng.permutation(list(found)).tolist():
                wire, request = requests[items]
                started = time.perf_counter()
                wire.run(request)
                if round_number >= _WARM_UP:
                    seconds[items].append(time.perf_counter() - started)
    return {items: np.array(taken) for items, taken in seconds.items()}


def _request(wire: Wire, items: int) -> Any:
    """A request for the scores of 100 candidates, with the user's state in it."""
    rng = np.random.default_rng(1)
    inputs = wire.inputs()
    user = random_model.random_user(rng, items=items)
    encoded = wire.run(
        wire.request(contract.ENCODE_USER, user_tensors([user], inputs[contract.ENCODE_USER]))
    )
    columns = {contract.CANDIDATE_ITEM_ID: random_model.random_items(rng, _CANDIDATES, items)}
    infos = inputs_left(inputs[contract.SCORE_ITEMS], encoded)
    state = {contract.USER_STATE: encoded[contract.USER_STATE]}
    return wire.request(contract.SCORE_ITEMS, state | candidate_tensors(columns, infos, 1))


def report(found: dict[int, dict[str, Any]]) -> None:
    """Prints the table and the JSON object.

    Args:
        found: By number of items, what each step took.
    """
    sizes = sorted(found)
    smallest = found[sizes[0]]
    largest = found[sizes[-1]]
    table = Table("", *(f"{items:,} items" for items in sizes))
    for name in smallest:
        cells = [f"{found[items][name]:,}" for items in sizes]
        table.add_row(name, *cells)
    Console().print(table)
    more_bytes = largest["model_bytes"] - smallest["model_bytes"]
    more_items = sizes[-1] - sizes[0]
    summary = {
        "bytes_per_item": round(more_bytes / more_items, 1) if more_items else None,
        "load_seconds_1m": largest["load_seconds"],
        "score_time_1m_vs_10k": round(largest["score_ms"] / smallest["score_ms"], 3),
        "export_memory_ratio_10x": round(largest["export_mb"] / found[sizes[-2]]["export_mb"], 2)
        if len(sizes) > 1
        else None,
        "sizes": found,
    }
    print(json.dumps(summary))


if __name__ == "__main__":
    main()
