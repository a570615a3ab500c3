"""Memory that a served ranker takes while it answers.

    make bench-memory

The model is that of benchmarks/serving.py, so a user has 200 behaviours. A shape is the users of a
request, their candidates, and the requests at once. Prints a table, and as its last line one JSON
object: for each shape, megabytes of the server's peak above what it held when it was ready.
"""

from __future__ import annotations

import contextlib
import json
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks import random_model
from benchmarks.peak_memory import forget_peak, peak_mb
from benchmarks.server_process import running_server
from benchmarks.signatures import inputs_left
from benchmarks.wire import Wire
from serving import contract
from serving.inputs import candidate_tensors, user_tensors

# Users of a request, their candidates, and requests at once. The last two are as many as a server
# takes by default.
SHAPES = ((1, 100, 1), (1, 1000, 1), (5, 1000, 1), (20, 1000, 1), (1, 1000, 5), (1, 1000, 20))
_ROUNDS = 3


def main() -> None:
    """The script."""
    megabytes = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        random_model.export_versions(random_model.stage_inputs(folder / "data"), folder / "models")
        for shape in SHAPES:  # each on a server of its own: one keeps some of what it once took
            with running_server(
                folder / "models", folder / "server.log", ("--grpc_max_threads", "20")
            ) as server:
                megabytes[shape] = measure(server.address, server.pid, shape)
    report(megabytes)


def measure(address: str, pid: int, shape: tuple[int, int, int]) -> tuple[float, float]:
    """Megabytes that a fresh server holds, and its peak beyond them while it answers."""
    rng = np.random.default_rng(1)
    users, candidates, at_once = shape
    with contextlib.closing(Wire(address, contract.DEFAULT_MODEL_NAME)) as wire:
        signatures = wire.inputs()
        infos = signatures[contract.PREDICT]
        drawn = [random_model.random_user(rng) for _ in range(users)]
        tensors = user_tensors(drawn, signatures[contract.ENCODE_USER])
        others = inputs_left(infos, tensors)
        columns = {contract.CANDIDATE_ITEM_ID: random_model.random_items(rng, candidates)}
        request = wire.request(
            contract.PREDICT, tensors | candidate_tensors(columns, others, users)
        )
        forget_peak(pid)
        before = peak_mb(pid)
        with ThreadPoolExecutor(at_once) as pool:
            list(pool.map(wire.run, [request] * at_once * _ROUNDS))
        return before, peak_mb(pid) - before


def report(megabytes: dict[tuple[int, int, int], tuple[float, float]]) -> None:
    """Prints the table and the JSON object."""
    table = Table("users", "candidates", "requests at once", "MB before", "MB more")
    for shape, (before, more) in megabytes.items():
        table.add_row(*map(str, shape), f"{before:.0f}", f"{more:.0f}")
    Console().print(table)
    more_by_shape = {}
    for shape, (_, more) in megabytes.items():
        more_by_shape["x".join(map(str, shape))] = round(more)
    print(json.dumps(more_by_shape))


if __name__ == "__main__":
    main()
