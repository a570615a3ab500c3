"""Five logs as sites write them, taken all the way: `srp4ctr data inspect`, `data validate`, `run`.

Nobody edits the YAML in between. In each log a user has one taste, and shows it nine times in ten:
what a run learns is honest, or the label isn't what it should be. Runs are shortened to one pass.

    python -m benchmarks.own_logs --folder /tmp/own_logs
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import random
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import yaml

from preprocessing.config import merge

START = datetime(2026, 3, 1, tzinfo=timezone.utc)
DAYS = 40
USERS = 150
ITEMS = 200
TASTES = 5
SRP4CTR = Path(sys.executable).parent / "srp4ctr"
# Passes that are enough to see that a label is learned; the rest of the file stays as it came.
SHORT = {"trainer": {"pretrain": {"epochs": 1}, "finetune": {"epochs": 1}}}

Row = dict[str, Any]


@dataclasses.dataclass(frozen=True)
class Visit:
    """A page that a user saw, and the item that was taken from it, if any."""

    number: int
    user: int
    at: datetime
    shown: list[int]
    taken: int | None


def visits(count: int, seed: int = 0) -> Iterator[Visit]:
    """Pages of six items, in the order of time."""
    rng = random.Random(seed)
    times = sorted(rng.random() for _ in range(count))
    for number, share in enumerate(times):
        user = rng.randrange(USERS)
        shown = rng.sample(range(ITEMS), 6)
        liked = [item for item in shown if item % TASTES == user % TASTES]
        choice = liked if rng.random() < 0.9 else shown
        taken = rng.choice(choice) if choice and rng.random() < 0.8 else None
        yield Visit(number, user, START + timedelta(days=DAYS * share), shown, taken)


def pages(folder: Path) -> Path:
    """CSV: a row for each shown item, Y or N, with what is known afterwards beside it."""
    rows = []
    for visit in visits(1500):
        for position, item in enumerate(visit.shown, 1):
            is_taken = item == visit.taken
            rows.append(
                {
                    "impression_id": f"q{visit.number}",
                    "user_id": f"u{visit.user}",
                    "event_time": visit.at.strftime("%Y-%m-%d %H:%M:%S"),
                    "sku": f"i{item}",
                    "category": f"c{item % TASTES}",
                    "position": position,
                    "device": ["phone", "web"][visit.number % 2],
                    "dwell_ms": visit.number % 1000 + 1 if is_taken else 0,
                    "clicked": "Y" if is_taken else "N",
                }
            )
    return _csv(folder / "pages.csv", rows)


def shop(folder: Path) -> Path:
    """JSON lines: views, carts and purchases, without a list of what was shown."""
    lines = []
    for visit in visits(4000, seed=1):
        if visit.taken is None:
            continue
        for step in ("view", "cart", "purchase")[: 1 + visit.number % 3]:
            event = {
                "event": step,
                "user": {"id": visit.user, "country": ["DE", "FR"][visit.user % 2]},
                "product_id": visit.taken,
                "category": {"name": f"c{visit.taken % TASTES}"},
                "price": 5 + visit.taken / 4,
                "time": visit.at.isoformat(),
            }
            lines.append(json.dumps(event))
    path = folder / "shop.jsonl"
    path.write_text("\n".join(lines) + "\n")
    return path


def clickouts(folder: Path) -> Path:
    """CSV: a row for each page, with the shown items and their prices as lists."""
    rows = []
    for visit in visits(2500, seed=2):
        if visit.taken is None:
            continue
        rows.append(
            {
                "user_id": f"u{visit.user}",
                "session_id": f"s{visit.user}-{visit.at:%j}",
                "timestamp": int(visit.at.timestamp()),
                "action_type": "clickout item",
                "reference": visit.taken,
                "impressions": "|".join(map(str, visit.shown)),
                "prices": "|".join(str(20 + item) for item in visit.shown),
                "device": ["mobile", "desktop"][visit.number % 2],
            }
        )
    return _csv(folder / "clickouts.csv", rows)


def ratings(folder: Path) -> Path:
    """Tab-separated: stars of half to five for what was taken, in milliseconds."""
    lines = ["userId\tmovieId\trating\ttimestamp"]
    rng = random.Random(3)
    for visit in visits(6000, seed=3):
        item = visit.shown[0]
        likes = item % TASTES == visit.user % TASTES
        rating = rng.choice([4, 4.5, 5] if likes == (rng.random() < 0.9) else [0.5, 1, 2, 3])
        milliseconds = int(visit.at.timestamp() * 1000)
        lines.append(f"{visit.user}\t{item}\t{rating}\t{milliseconds}")
    path = folder / "ratings.tsv"
    path.write_text("\n".join(lines) + "\n")
    return path


def plays(folder: Path) -> Path:
    """Parquet: typed columns, UUIDs, lists of tags, and whether a song was heard to its end."""
    rows = []
    for visit in visits(6000, seed=4):
        item = visit.shown[0]
        likes = item % TASTES == visit.user % TASTES
        rows.append(
            {
                "account": str(uuid.UUID(int=visit.user)),
                "track": str(uuid.UUID(int=2**64 + item)),
                "played_at": visit.at,
                "tags": [f"t{item % TASTES}", f"t{item % 3 + 10}"],
                "completed": likes == (random.Random(visit.number).random() < 0.9),
            }
        )
    path = folder / "plays.parquet"
    pq.write_table(pa.Table.from_pylist(rows), path)
    return path


LOGS: dict[str, Callable[[Path], Path]] = {
    "pages": pages,
    "shop": shop,
    "clickouts": clickouts,
    "ratings": ratings,
    "plays": plays,
}


def main() -> None:
    """Prints what became of each log, and ends with an error where a command did."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--folder", type=Path, default=Path("build/own_logs"))
    parser.add_argument("--logs", nargs="+", choices=LOGS, default=list(LOGS))
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    failed = False
    for name in arguments.logs:
        failed |= not _take(name, LOGS[name](arguments.folder), arguments.folder)
    sys.exit(failed)


def _take(name: str, log: Path, folder: Path) -> bool:
    """Takes a log all the way; returns whether every command ended well."""
    began = time.monotonic()
    config = folder / f"{name}.yaml"
    if not _ends_well(folder, "data", "inspect", log.name, "--output", config.name):
        return False
    label = yaml.safe_load(config.read_text())["dataset"]["tasks"]
    print(f"{name}: the label is {json.dumps(label)}")
    if not _ends_well(folder, "data", "validate", config.name):
        return False
    content = yaml.safe_load(config.read_text())
    short = folder / f"{name}_short.yaml"
    short.write_text(yaml.safe_dump(merge(content, SHORT), sort_keys=False))
    if not _ends_well(folder, "run", short.name):
        return False
    (metrics,) = folder.glob(f"runs/{content['dataset']['name']}/report/metrics.json")
    print(f"{name}: {metrics} after {time.monotonic() - began:.0f} s")
    return True


def _ends_well(folder: Path, *arguments: str) -> bool:
    command = [str(SRP4CTR), *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    said = done.stdout + done.stderr
    (folder / "commands.log").open("a").write(f"$ {' '.join(arguments)}\n{said}\n")
    if done.returncode:
        print(f"$ {' '.join(arguments)}\n{said}")
    return done.returncode == 0


def _csv(path: Path, rows: list[Row]) -> Path:
    pyarrow.csv.write_csv(pa.Table.from_pylist(rows), path)
    return path


if __name__ == "__main__":
    main()
