"""A first run config for a log, from the roles that its columns seem to have."""

from __future__ import annotations

import re
from typing import Any

from preprocessing.errors import DataError
from preprocessing.inspection.guess import Roles
from preprocessing.sources.times import UNITS_PER_SECOND
from preprocessing.spec_tables import Table

_NEGATIVES = 9


def starter_config(name: str, table: Table, roles: Roles) -> dict[str, Any]:
    """The content of a run's YAML file.

    Without a column that tells what is good, every event is a positive among sampled negatives.

    Args:
        name: What the data set is called.
        table: How the log is read.
        roles: Of its columns; a user, an item and a time among them.

    Raises:
        DataError: one of these is missing, or there is nothing that a task could be told from.
    """
    if roles.missing or roles.user is None or roles.item is None or roles.time is None:
        raise DataError(f"no column of {table.path} looks like: {', '.join(roles.missing)}. Write the spec by hand.")
    events = table.model_dump(mode="json", exclude_defaults=True)
    events |= {"user": roles.user.name, "item": roles.item.name, "timestamp": roles.time.name}
    if roles.time.time_format in ("ms", "us", "iso"):
        events["timestamp_unit"] = roles.time.time_format
    if roles.request is not None:
        events["request"] = roles.request.name
    dataset: dict[str, Any] = {"name": snake_case(name), "events": events, "features": _features(roles)}
    if roles.label is None:
        dataset["negatives"] = {"per_request": _NEGATIVES}
        dataset["tasks"] = {"chosen": _always(table, roles)}
    else:
        column, condition = roles.label
        dataset["tasks"] = {snake_case(column): {"column": column} | condition}
    return {"dataset": dataset}


def _always(table: Table, roles: Roles) -> dict[str, Any]:
    """A condition that every event meets."""
    if roles.time is not None and roles.time.time_format in UNITS_PER_SECOND:
        return {"column": roles.time.name, "at_least": 0}
    for key in (roles.item, roles.user):
        if key is not None and key.kind == "integer":
            return {"column": key.name, "at_least": 0}
    raise DataError(f"no column of {table.path} tells which events are good ones. Write the task by hand.")


def snake_case(name: str) -> str:
    """A name that specs allow."""
    words = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")
    return words if words[:1].isalpha() else f"log_{words}".rstrip("_")


def _features(roles: Roles) -> dict[str, dict[str, dict[str, Any]]]:
    features: dict[str, dict[str, dict[str, Any]]] = {}
    for side, columns in roles.features.items():
        for column, kind in columns.items():
            name = snake_case(column)
            features.setdefault(side, {})[name] = {"kind": kind} | ({"column": column} if name != column else {})
    features["match"] = _matches(features)
    features.setdefault("behavior", {})["gap"] = {"kind": "time_gap"}
    features.setdefault("context", {})["hour"] = {"kind": "hour_of_day"}
    return features


def _matches(features: dict[str, dict[str, dict[str, Any]]]) -> dict[str, dict[str, Any]]:
    """How often the history met the candidate and each of its words, by what was done where the log tells."""
    with_words = [name for name, feature in features.get("item", {}).items() if feature["kind"] != "numeric"]
    behaviors = features.get("behavior", {})
    done = next((name for name, feature in behaviors.items() if feature["kind"] == "categorical"), None)
    return {name: {"by": done} if done else {} for name in ["item_id", *with_words]}
