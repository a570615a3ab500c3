"""How fast and how small records are, and how time and memory grow with the log.

    make bench-preprocessing

Every measurement is a process of its own, and the clock starts after its imports. The log is
generated: impressions with 10 candidates per request, a fifth of them clicked; the history holds
the latest 50 clicks.

- speedup: 1 M events to finished, gzipped TFRecords by Beam on this machine, against a
  single-process pandas script that does the same the straightforward way, one tf.Example per
  impression, each with its history.
- bytes_ratio: compressed bytes per candidate of the train, validation and test records, Beam's to
  pandas's.
- statistics_ratio: seconds with statistics of items, users and users' items (`STATISTICS`: 8
  numbers per candidate, 2 per request), to seconds without.
- time_ratio_4x, memory_ratio_4x: 4 M events to 1 M, time and peak resident memory of the whole
  process tree.

The last line printed is all of it as one JSON object.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
EVENTS = 1_000_000
SEED = 7
LENGTH = 50
CANDIDATES = 10
USERS_A_MILLION = 2_000
ITEMS = 20_000
START = 1_700_000_000 // 86_400 * 86_400
DAYS = 30
SPLITS = ("train", "validation", "test")
STATISTICS: dict[str, Any] = {
    "item_id": {"windows": ["1d", "all"]},
    "user": {"windows": ["all"], "counts": ["events", "rate"]},
    "met": {"of": ["user", "item_id"], "windows": ["7d", "all"], "counts": ["events"]},
}


def generate(path: Path, events: int) -> None:
    """Writes an impression log of `events` rows, in order of time."""
    import numpy as np
    import pyarrow as pa
    from pyarrow import csv

    rng = np.random.default_rng(SEED)
    requests = events // CANDIDATES
    users = USERS_A_MILLION * events // 1_000_000
    times = np.sort(rng.integers(START, START + DAYS * 86_400, requests))
    owners = rng.integers(0, users, requests)
    items = (ITEMS * rng.random(events) ** 2).astype(np.int64)
    table = pa.table(
        {
            "user_id": np.repeat(owners, CANDIDATES),
            "item_id": pa.array(items),
            "timestamp": np.repeat(times, CANDIDATES),
            "request_id": np.repeat(np.arange(requests), CANDIDATES),
            "clicked": (rng.random(events) < 0.2).astype(np.int64),
            "position": np.tile(np.arange(CANDIDATES), requests),
            "device": np.repeat(rng.integers(0, 3, requests), CANDIDATES),
        }
    )
    with path.open("wb") as stream:
        stream.write(",".join(table.column_names).encode() + b"\n")  # Arrow would quote the names
        csv.write_csv(table, stream, csv.WriteOptions(include_header=False))


def dataset(log: Path, statistics: dict[str, Any] | None = None) -> dict[str, Any]:
    """The `dataset` part of a run's configuration for a generated log."""
    return {
        "name": "bench",
        "events": {"format": "csv", "path": str(log), "request": "request_id", "quotes": False},
        "features": {
            "behavior": {"position": {"kind": "categorical"}, "gap": {"kind": "time_gap"}},
            "context": {"device": {"kind": "categorical"}, "hour": {"kind": "hour_of_day"}},
            "statistics": statistics or {},
        },
        "history": {"length": LENGTH, "where": [{"column": "clicked", "equals": 1}]},
        "candidates": {"max_per_request": CANDIDATES},
        "tasks": {"click": {"column": "clicked", "equals": 1}},
    }


def run_beam(log: Path, folder: Path, statistics: dict[str, Any] | None = None) -> None:
    """The package's own job."""
    import apache_beam as beam

    from preprocessing.features import SPLITS as ALL_SPLITS
    from preprocessing.records import WriteRecords
    from preprocessing.spec import DatasetSpec

    spec = DatasetSpec.model_validate(dataset(log, statistics))
    with _clock(), beam.Pipeline("FnApiRunner", argv=[]) as pipeline:
        directories = {split: str(folder / split) for split in ALL_SPLITS}
        _ = pipeline | WriteRecords(directories, spec, str(folder))


def run_pandas(log: Path, folder: Path) -> None:
    """What one would write by hand: a loop over users and their requests."""
    import numpy as np
    import pandas as pd
    import tensorflow as tf

    def strings(values: Any) -> Any:
        encoded = [str(value).encode() for value in values]
        return tf.train.Feature(bytes_list=tf.train.BytesList(value=encoded))

    def integers(values: Any) -> Any:
        return tf.train.Feature(int64_list=tf.train.Int64List(value=values))

    folder.mkdir(parents=True)
    with _clock():
        frame = pd.read_csv(log).sort_values(["user_id", "timestamp", "item_id"], kind="stable")
        cuts = frame["timestamp"].quantile([0.8, 0.9]).to_numpy()
        gzip = tf.io.TFRecordOptions(compression_type="GZIP")
        writers: list[tf.io.TFRecordWriter] = []
        for split in SPLITS:
            writers.append(tf.io.TFRecordWriter(str(folder / f"{split}.gz"), gzip))
        for user, events in frame.groupby("user_id"):
            clicks = events[events["clicked"] == 1]
            click_times = clicks["timestamp"].to_numpy()
            click_items = clicks["item_id"].to_numpy()
            click_positions = clicks["position"].to_numpy()
            for event in events.itertuples(index=False):
                stop = int(np.searchsorted(click_times, event.timestamp))
                history = slice(max(0, stop - LENGTH), stop)
                example = {
                    "request_id": strings([event.request_id]),
                    "user_id": strings([user]),
                    "timestamp": integers([event.timestamp]),
                    "context_device": strings([event.device]),
                    "history_item_id": strings(click_items[history]),
                    "history_timestamp": integers(click_times[history]),
                    "history_position": strings(click_positions[history]),
                    "candidate_item_id": strings([event.item_id]),
                    "label_click": tf.train.Feature(
                        float_list=tf.train.FloatList(value=[event.clicked])
                    ),
                }
                features = tf.train.Features(feature=example)
                record = tf.train.Example(features=features).SerializeToString()
                number = int(np.searchsorted(cuts, event.timestamp, side="right"))
                writers[number].write(record)
        for writer in writers:
            writer.close()


class _clock:  # noqa: N801 (reads as a statement)
    """Prints the seconds that its block took, as JSON."""

    def __enter__(self) -> None:
        self._start = time.perf_counter()

    def __exit__(self, *_: object) -> None:
        print(json.dumps({"seconds": time.perf_counter() - self._start}))


def measure(job: str, log: Path, folder: Path, events: int) -> dict[str, float]:
    """Runs a job in a process of its own.

    Returns:
        Seconds, events per second, peak memory of its tree of processes in MB, and bytes per
        candidate.
    """
    import psutil

    from benchmarks.peak_memory import held_by_tree

    command = [sys.executable, "-m", "benchmarks.preprocessing", job, str(log), str(folder)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    watched = psutil.Process(process.pid)
    peak = 0
    while process.poll() is None:
        with contextlib.suppress(psutil.NoSuchProcess):
            peak = max(peak, held_by_tree(watched))
        time.sleep(0.05)
    output = process.stdout.read() if process.stdout else ""
    if process.returncode:
        raise SystemExit(f"{job} on {log} failed with exit code {process.returncode}")
    seconds = json.loads(output.splitlines()[-1])["seconds"]
    size = 0
    for path in folder.rglob("*.gz"):
        if _is_of_request_split(path):
            size += path.stat().st_size
    result = {
        "seconds": seconds,
        "events_a_second": events / seconds,
        "peak_mb": peak / 1e6,
        "bytes_a_candidate": size / events,
    }
    print(
        f"{job}, {events:,} events: {seconds:.1f} s, {peak / 1e6:.0f} MB, {size / events:.1f} "
        "bytes a candidate"
    )
    return {name: round(value, 2) for name, value in result.items()}


def _is_of_request_split(path: Path) -> bool:
    """Whether a file or its folder is named after one of SPLITS."""
    return path.parent.name in SPLITS or path.name.removesuffix(".gz") in SPLITS


def main() -> None:
    """Generates both logs, runs every job, prints the comparison."""
    with tempfile.TemporaryDirectory() as scratch:
        logs = {}
        for millions in (1, 4):
            logs[millions] = Path(scratch) / f"events_{millions}m.csv"
            generate(logs[millions], millions * EVENTS)
        small = measure("beam", logs[1], Path(scratch) / "beam_1m", EVENTS)
        counted = measure("statistics", logs[1], Path(scratch) / "statistics_1m", EVENTS)
        large = measure("beam", logs[4], Path(scratch) / "beam_4m", 4 * EVENTS)
        by_hand = measure("pandas", logs[1], Path(scratch) / "pandas_1m", EVENTS)
    result = {
        "speedup": by_hand["seconds"] / small["seconds"],
        "bytes_ratio": small["bytes_a_candidate"] / by_hand["bytes_a_candidate"],
        "statistics_ratio": counted["seconds"] / small["seconds"],
        "time_ratio_4x": large["seconds"] / small["seconds"],
        "memory_ratio_4x": large["peak_mb"] / small["peak_mb"],
    }
    shape = {
        "history": LENGTH,
        "candidates_a_request": CANDIDATES,
        "seed": SEED,
        "cores": os.cpu_count(),
    }
    rounded = {name: round(value, 3) for name, value in result.items()}
    jobs = {"beam_1m": small, "statistics_1m": counted, "beam_4m": large, "pandas_1m": by_hand}
    print(json.dumps(rounded | jobs | shape))


if __name__ == "__main__":
    if len(sys.argv) > 1:
        runs: dict[str, Callable[[Path, Path], None]] = {
            "beam": run_beam,
            "statistics": partial(run_beam, statistics=STATISTICS),
            "pandas": run_pandas,
        }
        runs[sys.argv[1]](Path(sys.argv[2]), Path(sys.argv[3]))
    else:
        main()
