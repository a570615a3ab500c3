"""Five days of a growing log, with two corrupted deliveries and a roll-back.

    .venv/bin/python -m benchmarks.days

A week of MovieLens-100K is a day (benchmarks/daily_log.py). There is one run per day, which starts
from the last blessed model; after it the same records are trained on from nothing, to compare. The
fourth day is delivered three times: with a fifth of its rows unreadable, with its ratings turned
around, and as it was. A server watches the pushed versions, and is asked over gRPC which one it
serves. Prints a table as it goes, and as its last line one JSON object.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import tensorflow as tf

from benchmarks.daily_log import FIRST_DAY, DailyLog, write_config
from benchmarks.server_process import running_server
from pipelines.config import RunConfig, RunPaths, load_run_config
from pipelines.experiment.predictions import predict
from pipelines.metadata import RunMetadata
from pipelines.trained import stage_inputs
from preprocessing.rolling import date_of
from serving.client import RankingClient
from serving.contract import DEFAULT_MODEL_NAME
from serving.version_dirs import version_number
from trainer.export.assembly import serving_module
from trainer.finetune import finetune
from trainer.metrics import auc
from trainer.pretrain import pretrain

_SRP4CTR = Path(sys.executable).parent / "srp4ctr"
_NEWEST = range(FIRST_DAY + 19, FIRST_DAY + 24)
_CORRUPTED = _NEWEST[3]
_COLUMNS = {
    "day": "day",
    "delivered": "delivered",
    "new_items": "new items",
    "candidates": "training candidates",
    "seconds": "seconds",
    "cpu_seconds": "CPU seconds",
    "training_seconds": "training, s",
    "auc": "AUC",
    "auc_to_beat": "AUC of the last blessed",
    "cold_auc": "AUC from nothing",
    "cold_training_seconds": "from nothing, s",
    "memory_mb": "memory, MB",
    "disk_mb": "disk, MB",
    "outcome": "outcome",
    "served": "served then",
}


def main() -> None:
    """The script."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--config", type=Path, default=Path("configs/ml_100k.yaml"))
    parser.add_argument("--folder", type=Path, default=Path("runs/days"))
    arguments = parser.parse_args()
    shutil.rmtree(arguments.folder, ignore_errors=True)
    log = DailyLog(Path("data/ml-100k"), arguments.folder / "log")
    for day in range(FIRST_DAY, _NEWEST[0]):
        log.write(day)
    config_path = write_config(arguments.config, arguments.folder)
    _show(_COLUMNS.values())
    _show("---" for _ in _COLUMNS)
    rows = [_run(config_path, _NEWEST[0], log.write(_NEWEST[0]), "whole")]
    pushed = load_run_config(config_path).paths.serving_model
    with (
        running_server(pushed, arguments.folder / "server.txt") as server,
        RankingClient(server.address, DEFAULT_MODEL_NAME, timeout_seconds=30.0) as client,
    ):
        rows[0]["served"] = client.wait_until_ready()
        _show(rows[0].get(key) for key in _COLUMNS)
        for day in _NEWEST[1:]:
            rows += _deliver(log, config_path, day, client)
        taken_back = _roll_back(config_path, client)
    seed = load_run_config(config_path).trainer.seed
    print(json.dumps({"seed": seed, "days": rows, "rollback": taken_back}))


def _deliver(
    log: DailyLog, config_path: Path, day: int, client: RankingClient
) -> list[dict[str, Any]]:
    """The runs of one day."""
    new_items = log.write(day)
    rows = []
    if day == _CORRUPTED:
        corruptions = {
            "a fifth without item": log.write_without_ids,
            "turned around": log.write_turned_around,
        }
        for delivered, write in corruptions.items():
            write(day)
            row = _run(config_path, day, new_items, delivered)
            row["served"] = _served(config_path, client)
            rows.append(row)
            _show(row.get(key) for key in _COLUMNS)
        log.write(day)
    row = _run(config_path, day, new_items, "whole") | {"served": _served(config_path, client)}
    row |= _from_nothing(load_run_config(config_path).at_span(day))
    _show(row.get(key) for key in _COLUMNS)
    return [*rows, row]


def _from_nothing(config: RunConfig) -> dict[str, Any]:
    """The AUC, on the same test records, of a ranker that started from nothing.

    It is trained on the same days.
    """
    metadata = RunMetadata(config.paths.metadata, config.dataset.name)
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as encoder:
        pretrain(stage_inputs(config, metadata, "pretrain"), encoder)
        inputs = stage_inputs(config, metadata)
        ranker, _ = finetune(inputs, encoder)
    evaluate = tf.function(serving_module(ranker, inputs).evaluate, autograph=False)
    records = metadata.output("BehaviorLogExampleGen", "examples")
    seconds = round(time.monotonic() - started)
    rows = predict(evaluate, list(inputs.spec.tasks), records)
    return {
        "cold_auc": auc(rows["label_like"], rows["score_like"]),
        "cold_training_seconds": seconds,
    }


def _run(config_path: Path, day: int, new_items: int, delivered: str) -> dict[str, Any]:
    """Runs a day by the command; returns a row of the table."""
    paths = load_run_config(config_path).paths
    started = time.monotonic()
    command = [str(_SRP4CTR), "run", str(config_path), "--span", str(day)]
    with tempfile.NamedTemporaryFile() as used:
        measured = [sys.executable, "-m", "benchmarks.peak_memory", used.name, *command]
        process = subprocess.run(
            measured, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        usage = json.loads(Path(used.name).read_text())
    row = {"day": str(date_of(day)), "delivered": delivered, "new_items": new_items}
    row |= {"seconds": round(time.monotonic() - started), "disk_mb": _disk(paths)} | usage
    if process.returncode:
        return row | {"outcome": f"refused: {process.stdout.strip().splitlines()[-1]}"}
    metrics = json.loads((paths.report / "metrics.json").read_text())
    return row | _results(metrics)


def _results(metrics: dict[str, Any]) -> dict[str, Any]:
    verdict = metrics["verdict"]
    seconds = metrics["seconds"]
    if verdict["blessed"]:
        outcome = f"pushed {metrics['pushed_version']}"
    else:
        outcome = f"refused: {' '.join(verdict['reasons'])}"
    return {
        "candidates": metrics["records"]["train"]["candidates"],
        "training_seconds": round(seconds["Trainer.pretrain"] + seconds["Trainer.ranker"]),
        "auc": metrics["tasks"]["like"]["auc"],
        "auc_to_beat": metrics["to_beat"] and metrics["to_beat"]["like"],
        "started_from": metrics["started_from"],
        "outcome": outcome,
    }


def _disk(paths: RunPaths) -> int:
    """What the runs so far have left, in MB."""
    size = 0
    for path in paths.root.rglob("*"):
        if path.is_file():
            size += path.stat().st_size
    return round(size / 1e6)


def _served(config_path: Path, client: RankingClient) -> int:
    """The version that the server serves, once it has had time to see the newest one."""
    folders = load_run_config(config_path).paths.serving_model.iterdir()
    newest = max(version_number(folder.name) or 0 for folder in folders)
    deadline = time.monotonic() + 60
    while (served := client.wait_until_ready()) != newest and time.monotonic() < deadline:
        time.sleep(0.5)
    return served


def _roll_back(config_path: Path, client: RankingClient) -> dict[str, Any]:
    before = client.wait_until_ready()
    started = time.monotonic()
    subprocess.run([str(_SRP4CTR), "rollback", str(config_path)], check=True)
    done = time.monotonic()
    after = _served(config_path, client)
    return {
        "before": before,
        "after": after,
        "command_seconds": done - started,
        "seen_seconds": time.monotonic() - done,
    }


def _show(cells: Iterable[Any]) -> None:
    shown = []
    for cell in cells:
        if cell is None:
            shown.append("")
        else:
            shown.append(f"{cell:.4f}" if isinstance(cell, float) else str(cell))
    print(f"| {' | '.join(shown)} |", flush=True)


if __name__ == "__main__":
    main()
