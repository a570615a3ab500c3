"""MovieLens-100K as a log with a file per day.

A week of it is a day, and an item exists from its first rating on.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import yaml

from preprocessing.rolling import date_of

FIRST_DAY = 20_000  # 4 October 2024
DAY = 86_400
WEEK = 7 * 86_400
EVENTS = "{YYYY}-{MM}-{DD}.inter"
ITEMS = "{YYYY}-{MM}-{DD}.item"
_SETTINGS = {
    "pretrain": {
        "epochs": 40,
        "warm_epochs": 4,
        "batch_size": 32,
        "optimizer": {"learning_rate": 0.002},
    },
    "ranker": {"dropout": 0.4},
    "finetune": {"epochs": 2, "evaluations_per_epoch": 2, "patience": 4},
}


class DailyLog:
    """Writes days of the log, whole or corrupted.

    Args:
        source: The folder of MovieLens-100K.
        folder: Where the days go.
    """

    def __init__(self, source: Path, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._events = pd.read_csv(source / "ml-100k.inter", sep="\t", dtype=str)
        self._items = pd.read_csv(
            source / "ml-100k.item", sep="\t", dtype=str, keep_default_na=False
        )
        (folder / "users.user").write_bytes((source / "ml-100k.user").read_bytes())
        seconds = self._events["timestamp:float"].astype(float)
        self._events["timestamp:float"] = FIRST_DAY * DAY + (seconds - seconds.min()) * DAY // WEEK
        self._day = (self._events["timestamp:float"] // DAY).astype(int)

    def write(self, day: int) -> int:
        """Writes a day's events, and the items that there are by then.

        Returns:
            How many of the items are new.
        """
        self._write_events(day, self._events[self._day == day])
        item_ids = self._events["item_id:token"]
        by_then = set(item_ids[self._day <= day])
        before = set(item_ids[self._day < day])
        items = self._items[self._items["item_id:token"].isin(by_then)]
        items.to_csv(self._folder / f"{date_of(day)}.item", sep="\t", index=False)
        return len(by_then) - len(before)

    def write_without_ids(self, day: int) -> None:
        """Writes a day of which a fifth of the rows have no item."""
        events = self._events[self._day == day].copy()
        events.iloc[::5, events.columns.get_loc("item_id:token")] = ""
        self._write_events(day, events)

    def write_turned_around(self, day: int) -> None:
        """Writes a day whose best ratings are its worst: every row can be read."""
        events = self._events[self._day == day].copy()
        events["rating:float"] = (6 - events["rating:float"].astype(int)).astype(str)
        self._write_events(day, events)

    def _write_events(self, day: int, events: pd.DataFrame) -> None:
        events.to_csv(self._folder / f"{date_of(day)}.inter", sep="\t", index=False)


def write_config(run_config: Path, folder: Path) -> Path:
    """Writes the configuration of daily runs over a DailyLog.

    Args:
        run_config: The configuration for MovieLens-100K that it is made from.
        folder: Where it goes, beside the log.

    Returns:
        Its path.
    """
    content = yaml.safe_load(run_config.read_text())
    dataset = content["dataset"] | {
        "name": "days",
        "split": {"train": 5, "history": 10},
        "history": {"length": 50},
    }
    dataset["events"] = dataset["events"] | {"path": EVENTS}
    dataset["items"] = dataset["items"] | {"path": ITEMS}
    dataset["users"] = dataset["users"] | {"path": "users.user"}
    content |= {
        "dataset": dataset,
        "data_dir": str(folder / "log"),
        "runs_dir": str(folder),
        "warm_start": True,
    }
    content["trainer"] |= _SETTINGS
    content["evaluation"] = {"min_auc": 0.6, "max_auc_drop": 0.01}
    path = folder / "days.yaml"
    path.write_text(yaml.safe_dump(content, sort_keys=False))
    return path
