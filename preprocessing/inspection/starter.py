"""A first run config for a log, from the roles that its columns seem to have."""

from __future__ import annotations

from typing import Any

from preprocessing.errors import DataError
from preprocessing.inspection.groups import Groups
from preprocessing.inspection.guess import Roles
from preprocessing.inspection.label import Label
from preprocessing.inspection.names import SHOWN, has_words, in_snake_case
from preprocessing.inspection.profile import ColumnProfile
from preprocessing.sources.times import UNITS_PER_SECOND
from preprocessing.spec_match import ITEM_ID
from preprocessing.spec_statistics import ALL, USER
from preprocessing.spec_tables import Table

_GAP = "gap"
_HOUR = "hour"
_NEGATIVES = 9
_OWN_ITEM = "own_item"  # the statistic of how often a user met an item
_ENOUGH_POSITIVES = 3  # a user, for histories of positives alone
# How long after it was shown what is done with an item may count; a split must last far longer.
_WITHIN = {"1d": 86_400, "1h": 3_600, "10m": 600}
_WINDOWS = {"1h": 3_600, "1d": 86_400, "7d": 604_800, "28d": 2_419_200}  # of statistics
_SEVERAL = 5
# What features of columns can't be called: names that the spec or the starter itself gives.
_TAKEN = {ITEM_ID, "item_key", "timestamp", USER, _OWN_ITEM, _GAP, _HOUR}
_SHORTEST_SPLIT = 0.05  # of a log's time, which has more events at some times than at others


def starter_config(name: str, table: Table, roles: Roles) -> dict[str, Any]:
    """The content of a run's YAML file.

    Without a column that tells what is good, every event is a positive among sampled negatives.

    Args:
        name: What the data set is called.
        table: How the log is read.
        roles: Of its columns; a user, an item and a time among them.

    Raises:
        DataError: one of these is missing.
    """
    if roles.missing or roles.user is None or roles.item is None or roles.time is None:
        is_in_doubt = roles.missing == ["time"] and roles.time_doubts
        said = [*roles.time_doubts] if is_in_doubt else ["Write the spec by hand."]
        said += _left_out(roles)
        raise DataError(
            f"no column of {table.path} looks like: {', '.join(roles.missing)}. {' '.join(said)}"
        )
    events = table.model_dump(mode="json", exclude_defaults=True)
    events |= {"user": roles.user.name, "item": roles.item.name, "timestamp": roles.time.name}
    if roles.time.time_format in ("ms", "us", "iso"):
        events["timestamp_unit"] = roles.time.time_format
    elif roles.time.time_format not in ("s", "typed"):
        events["timestamp_format"] = roles.time.time_format
    if roles.absent:
        events["absent"] = list(roles.absent)
    if roles.request is not None:
        events["request"] = roles.request.name
    if roles.page is not None:
        events["explode"] = roles.page.explode()
    dataset: dict[str, Any] = {
        "name": _legal(name, "log"),
        "events": events,
        "features": _features(roles, roles.user, roles.item, roles.time),
    }
    if roles.label is None:
        dataset["negatives"] = {"per_request": _NEGATIVES}
        dataset["tasks"] = {"chosen": _always(roles.user, roles.item, roles.time)}
    else:
        dataset |= _labelled(roles.label, roles.user, roles.time)
    if roles.page is not None and roles.page.has_actions:
        # What was done elsewhere belongs to histories alone.
        shown = {"column": roles.page.position, "at_least": 1}
        dataset["candidates"] = {"where": [shown]}
    return {"dataset": dataset}


def starter_comments(roles: Roles) -> list[str]:
    """What a person should look at in the config."""
    comments = [*roles.time_doubts, *roles.value_doubts]
    comments += _left_out(roles)
    for doubt in roles.label_doubts:
        comments.append(" ".join(doubt.split()))
    if roles.label is not None and roles.label.doubt:
        comments.append(f"{roles.label.column} is taken for the label: {roles.label.doubt}")
    return [*comments, *showing_notes(roles)]


def showing_notes(roles: Roles) -> list[str]:
    """What a person should know of features of one showing of an item, such as its position."""
    notes: list[str] = []
    for column in roles.of_showings:
        notes.append(
            f"{column} is of one showing of an item, as a position on a page: a service must send "
            "it with each candidate. Where it can't, leave the feature out."
        )
    return notes


def _left_out(roles: Roles) -> list[str]:
    said: list[str] = []
    for column, why in roles.left_out.items():
        name = " ".join(column.split()) or repr(column)  # a comment is one line
        said.append(f"{name} is left out: {why}.")
    return said


def _labelled(label: Label, user: ColumnProfile, time: ColumnProfile) -> dict[str, Any]:
    """The task, and what it asks of candidates and histories."""
    column = {"column": label.column}
    where: list[dict[str, Any]] = []
    if label.others:
        where = [column | {"one_of": list(label.others)}]
    elif label.rows >= _ENOUGH_POSITIVES * user.distinct:
        where = [column | label.condition]
    section: dict[str, Any] = {"history": {"where": where}} if where else {}
    within = _window(time) if label.shown is not None else None
    if within is None:
        task = label.task or _legal(label.column, "task")
        return section | {"tasks": {task: column | label.condition}}
    # What is shown and what is done are events of their own.
    section["candidates"] = {"where": [column | {"equals": label.shown}]}
    done = next(iter(label.condition.values()))
    return section | {
        "tasks": {_legal(str(done), "task"): column | label.condition | {"within": within}}
    }


def _window(time: ColumnProfile) -> str | None:
    """An attribution window that the log's splits outlast; None if it is too short for any."""
    first, last = time.seconds or (0, 0)
    shortest = _SHORTEST_SPLIT * (last - first)
    return next((text for text, seconds in _WITHIN.items() if seconds < shortest), None)


def _always(user: ColumnProfile, item: ColumnProfile, time: ColumnProfile) -> dict[str, Any]:
    """A condition that every event meets."""
    if time.time_format in UNITS_PER_SECOND:
        return {"column": time.name, "at_least": 0}
    for key in (item, user):
        if key.kind == "integer":
            return {"column": key.name, "at_least": 0}
    return {"column": item.name, "equals_column": item.name}


def _legal(name: str, otherwise: str) -> str:
    """A name that specs allow; `otherwise` begins it where `name` begins with no Latin letter."""
    words = in_snake_case(name)
    return words if words[:1].isalpha() else f"{otherwise}_{words}".rstrip("_")


def _feature_names(columns: list[str]) -> dict[str, str]:
    """What the features of columns are called, each by a name of its own."""
    named: dict[str, str] = {}
    taken = set(_TAKEN)
    # Of "Price" and "price", the second can keep its name.
    for column in sorted(columns, key=lambda column: _legal(column, "column") != column):
        words = _legal(column, "column")
        name = words
        number = 2
        while name in taken:
            name = f"{words}_{number}"
            number += 1
        named[column] = name
        taken.add(name)
    return named


def _features(
    roles: Roles, user: ColumnProfile, item: ColumnProfile, time: ColumnProfile
) -> dict[str, dict[str, dict[str, Any]]]:
    features: dict[str, dict[str, dict[str, Any]]] = {}
    used: list[str] = []
    for columns in roles.features.values():
        used += columns
    names = _feature_names(used)
    for side, columns in roles.features.items():
        for column, kind in columns.items():
            feature: dict[str, Any] = {"kind": kind}
            if names[column] != column:
                feature["column"] = column
            features.setdefault(side, {})[names[column]] = feature
    words = _item_words(features)
    features["match"] = _matches(features, words)
    meets_again = Groups.by(user, item).repeats
    counts = ["events"] if roles.label is None else ["events", "rate"]
    features["statistics"] = _statistics(words, counts, meets_again, time)
    features.setdefault("behavior", {})[_GAP] = {"kind": "time_gap"}
    features.setdefault("context", {})[_HOUR] = {"kind": "hour_of_day"}
    return features


def _item_words(features: dict[str, dict[str, dict[str, Any]]]) -> dict[str, str]:
    """The kinds of the item's features that have words and outlast a showing."""
    words = {}
    for name, feature in features.get("item", {}).items():
        if feature["kind"] != "numeric" and not has_words(SHOWN, name):
            words[name] = feature["kind"]
    return words


def _matches(
    features: dict[str, dict[str, dict[str, Any]]], words: dict[str, str]
) -> dict[str, dict[str, Any]]:
    """How often the history met the candidate and each of its words.

    Apart for each thing that was done, where the log tells that.
    """
    by: dict[str, Any] = {}
    for name, feature in features.get("behavior", {}).items():
        if feature["kind"] == "categorical":
            by = {"by": name}
            break
    return {name: dict(by) for name in (ITEM_ID, *words)}


def _statistics(
    words: dict[str, str], counts: list[str], meets_again: bool, time: ColumnProfile
) -> dict[str, dict[str, Any]]:
    """How the item, things like it and the user did before.

    Args:
        words: The item's features to count by.
        counts: What is counted; where every event is good, a rate says nothing.
        meets_again: Whether users meet an item more than once.
        time: Of the events.
    """
    counted: dict[str, dict[str, Any]] = {
        ITEM_ID: {"windows": _windows(time)},
        USER: {"windows": [ALL]},
    }
    if meets_again:
        counted[_OWN_ITEM] = {"of": [USER, ITEM_ID], "windows": [ALL]}
    for name, kind in words.items():
        if kind == "categorical":  # a statistic's key is one word
            counted[name] = {"windows": [ALL]}
    for name, one in counted.items():
        # A list of its own for each: YAML writes one that is shared as an anchor and aliases.
        one["counts"] = list(counts)
        if name == _OWN_ITEM:
            one["counts"].append("recency")
    return counted


def _windows(time: ColumnProfile) -> list[str]:
    """The two longest windows that a log's time holds several of, and all of it."""
    first, last = time.seconds or (0, 0)
    short = [text for text, seconds in _WINDOWS.items() if _SEVERAL * seconds <= last - first]
    return [*short[-2:], ALL]
