"""A naive, quadratic, pure-Python account of what the records are, to compare the vectorised one
with."""

from __future__ import annotations

import itertools
import zlib
from collections import Counter
from collections.abc import Sequence
from typing import Any

from preprocessing.activity import step_of
from preprocessing.kinds.column import ColumnKind
from preprocessing.spec import DatasetSpec
from preprocessing.spec_records import Condition, Negatives, Task
from preprocessing.splits import CutOffs
from tests.testing import Record, Row

Tables = dict[str, Sequence[Row]]


def reference_records(
    spec: DatasetSpec,
    rows: list[Row],
    items: list[Row],
    users: list[Row],
    cut: CutOffs,
    context: Sequence[Row] = (),
) -> Any:
    """The records of a log by split (train, validation, test and all windows as `windows`).

    Where the spec has a context table, its rows are `context`, by `place`, with the feature
    `weather`.
    """
    tables = {"items": items, "users": users, "context": context}
    events = sorted(rows, key=lambda event: _order(spec, event))
    offered = [event for event in events if holds(spec.candidates.where, event)]
    result: dict[str, list[Record]] = {"train": [], "validation": [], "test": [], "windows": []}
    for number, group in _requests(spec, events, cut):
        time = min(event["timestamp"] for event in group)
        split = "train" if time < cut.validation else "validation" if time < cut.test else "test"
        name = _id(spec, group, time, number)
        shown = [event for event in group if holds(spec.candidates.where, event)]
        positives = [event for event in shown if _is_over(spec, event, split, cut)]
        candidates = positives + (
            _negatives(spec, offered, group, time, name, cut) if positives else []
        )
        size = spec.candidates.max_per_request
        for start in range(0, len(candidates), size):
            piece = candidates[start : start + size]
            history = _history(spec, events, group[0]["user_id"], time)
            result[split].append(
                _record(spec, name, candidates[0], time, history, piece, tables, events)
            )
    result["windows"] = _windows(spec, events, tables, cut)
    return result


def _order(spec: DatasetSpec, event: Row) -> tuple[Any, ...]:
    """User, time, item, then the columns that the spec reads, in the order of their names in the
    pipeline."""
    price = float(event["price"]) if event["price"] != "" else float("inf")
    request = event["request"] if spec.events.request else ""
    return (
        event["user_id"],
        event["timestamp"],
        event["item_id"],
        price,
        request,
        event["action"],
        event["device"],
    )


def _requests(spec: DatasetSpec, events: list[Row], cut: CutOffs) -> list[tuple[int, list[Row]]]:
    """Each request, with the number of those of its id before it."""
    groups: dict[Any, list[list[Row]]] = {}
    for event in events:
        request = event["request"] if spec.events.request else ""
        key = (event["user_id"], request) if request else (event["user_id"], "", event["timestamp"])
        pieces = groups.setdefault(key, [])
        if pieces and _belongs(
            pieces[-1][0]["timestamp"], event["timestamp"], spec.events.request_span, cut
        ):
            pieces[-1].append(event)
        else:
            pieces.append([event])
    numbered: list[tuple[int, list[Row]]] = []
    for pieces in groups.values():
        numbered += enumerate(pieces)
    return numbered


def _belongs(first: int, time: int, span: int, cut: CutOffs) -> bool:
    bounds = (cut.start, cut.validation, cut.test, cut.until)
    return time <= first + span and not any(first < bound <= time for bound in bounds)


def _id(spec: DatasetSpec, group: list[Row], time: int, number: int) -> str:
    given = group[0]["request"] if spec.events.request else ""
    if not given:
        return f"{group[0]['user_id']}:{time}"
    return f"{given}:{time}" if number else given


def _history(spec: DatasetSpec, events: list[Row], user: str, time: int) -> list[Row]:
    own = []
    for event in events:
        is_earlier = event["user_id"] == user and event["timestamp"] < time
        if is_earlier and holds(spec.history.where, event):
            own.append(event)
    return own[-spec.history.length :]


def _windows(spec: DatasetSpec, events: list[Row], tables: Tables, cut: CutOffs) -> list[Record]:
    found = []
    for user in {event["user_id"] for event in events}:
        timeline = _history(
            spec.model_copy(update={"history": spec.history.model_copy(update={"length": 10**9})}),
            events,
            user,
            cut.validation,
        )
        stop = len(timeline)
        while stop > 0:
            start = max(0, stop - spec.history.length)
            window = timeline[start:stop]
            if len(window) >= 2:
                name = f"window:{user}:{start}"
                found.append(
                    _record(
                        spec, name, window[-1], window[-1]["timestamp"], window, [], tables, events
                    )
                )
            stop = start
    return found


def _record(
    spec: DatasetSpec,
    request: str,
    anchor: Row,
    time: int,
    history: list[Row],
    shown: list[Row],
    tables: Tables,
    events: list[Row],
) -> Record:
    user = latest_row(tables["users"], "user_id", anchor["user_id"], time)
    record: Record = {
        "request_id": [request],
        "user_id": [anchor["user_id"]],
        "timestamp": [time],
        "user_age": [_number(user.get("age", ""))],
        "context_device": [anchor["device"]],
        "history_timestamp": [event["timestamp"] for event in history],
        "history_action": [event["action"] for event in history],
        "catalog_training_events": [],
    }
    if spec.context is not None:
        weather = latest_row(tables["context"], "place", anchor["device"], time)
        record["context_weather"] = [weather.get("weather", "")]
    for side, chosen in (("history", history), ("candidate", shown)):
        # A behaviour has what was known when it happened, a candidate what is at the request.
        at = [event["timestamp"] if side == "history" else time for event in chosen]
        joined: list[Row] = []
        for event, moment in zip(chosen, at, strict=True):
            joined.append(latest_row(tables["items"], "item_id", event["item_id"], moment))
        record[f"{side}_item_id"] = [event["item_id"] for event in chosen]
        record[f"{side}_tags"] = [row.get("tags", "") for row in joined]
        record[f"{side}_weight"] = [_number(row.get("weight", "")) for row in joined]
        for name, feature in spec.features.item.items():
            if isinstance(feature, ColumnKind) and feature.table == "events":
                column = feature.column or name
                values: list[Any] = []
                for event, moment in zip(chosen, at, strict=True):
                    value = known_value(events, column, event, moment)
                    values.append(_number(value) if feature.kind == "numeric" else value)
                record[f"{side}_{name}"] = values
    for task, label in spec.tasks.items():
        record[f"label_{task}"] = [float(_label(label, event, events)) for event in shown]
    return record


def latest_row(rows: Sequence[Row], key: str, value: str, time: int) -> Row:
    """The latest row of a table strictly before `time`; rows without a timestamp always hold."""
    known = [row for row in rows if row[key] == value and row.get("timestamp", -1) < time]
    return max(known, key=lambda row: row.get("timestamp", 0), default={})


def known_value(events: list[Row], column: str, event: Row, time: int) -> Any:
    """The event's own value or, where it has none, the last that any event of its item had strictly
    before `time`."""
    if event.get(column, "") != "":
        return event[column]
    earlier: list[Row] = []
    for other in events:
        is_earlier = other["item_id"] == event["item_id"] and other["timestamp"] < time
        if is_earlier and other[column] != "":
            earlier.append(other)
    order = float if column == "price" else str
    return max(
        earlier, key=lambda other: (other["timestamp"], order(other[column])), default={column: ""}
    )[column]


def _label(label: Task, event: Row, events: list[Row]) -> bool:
    if "sampled" in event:
        return False
    if label.within is None:
        return holds([label], event)
    until = event["timestamp"] + label.within
    for later in events:
        is_of_both = all(later[key] == event[key] for key in ("user_id", "item_id"))
        is_in_time = event["timestamp"] <= later["timestamp"] <= until
        if is_of_both and is_in_time and holds([label], later):
            return True
    return False


def _is_over(spec: DatasetSpec, event: Row, split: str, cut: CutOffs) -> bool:
    end = {"train": cut.validation, "validation": cut.test, "test": cut.end}[split]
    windows = [task.within for task in spec.tasks.values() if task.within is not None]
    return all(event["timestamp"] + window < end for window in windows)


def _negatives(
    spec: DatasetSpec, candidates: list[Row], group: list[Row], time: int, name: str, cut: CutOffs
) -> list[Row]:
    if spec.negatives is None:
        return []
    rows = _active(spec, candidates, time, cut)
    user = group[0]["user_id"]
    by = max(event["timestamp"] for event in group if holds(spec.candidates.where, event))
    met: set[str] = set()
    for event in candidates:
        if event["user_id"] == user and event["timestamp"] <= by:
            met.add(event["item_id"])
    number = _mix(zlib.crc32(f"{user}\n{name}".encode()), 2)
    found: list[str] = []
    for attempt in range(50 * spec.negatives.per_request if rows else 0):
        if len(found) == spec.negatives.per_request:
            break
        item = _drawn(rows, spec.negatives, number, attempt)
        if item is not None and item not in met and item not in found:
            found.append(item)
    return [{"item_id": item, "timestamp": time, "sampled": True} for item in found]


def _active(
    spec: DatasetSpec, candidates: list[Row], time: int, cut: CutOffs
) -> list[tuple[int, str, int]]:
    """(step, item, candidates) of the complete steps in the window before `time`."""
    assert spec.negatives is not None
    window = spec.negatives.window
    step = step_of(window, cut)
    steps: Counter[tuple[int, str]] = Counter()
    for event in candidates:
        number = event["timestamp"] // step
        # The whole step lies in the window.
        if number * step >= time - window and (number + 1) * step <= time:
            steps[number, event["item_id"]] += 1
    return [(*row, count) for row, count in sorted(steps.items())]


def _drawn(
    rows: list[tuple[int, str, int]], negatives: Negatives, number: int, attempt: int
) -> str | None:
    power = negatives.popularity_power
    weights = [float(count) ** power for _, _, count in rows]
    point = (_mix(number, 3 + 2 * attempt) >> 11) * 2.0**-53 * sum(weights)
    ends = itertools.accumulate(weights)
    place = next((i for i, end in enumerate(ends) if point < end), len(rows) - 1)
    item = rows[place][1]
    own = [count for _, other, count in rows if other == item]
    taken = sum(own) ** power / sum(float(count) ** power for count in own)
    return item if (_mix(number, 4 + 2 * attempt) >> 11) * 2.0**-53 <= taken + 1e-9 else None


def _mix(number: int, salt: int) -> int:
    mixed = (number + (salt + 1) * 0x9E3779B97F4A7C15) % 2**64
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        mixed = (mixed ^ (mixed >> shift)) * factor % 2**64
    return mixed ^ (mixed >> 31)


def holds(conditions: Any, event: Row) -> bool:
    return all(_holds(condition, event[condition.column]) for condition in conditions)


def _holds(condition: Condition, value: Any) -> bool:
    if condition.one_of is not None:
        return value in condition.one_of
    if isinstance(condition.equals, str):
        return value == condition.equals
    if value == "":
        return False
    number = float(value)
    if condition.at_least is not None:
        return number >= condition.at_least
    if condition.at_most is not None:
        return number <= condition.at_most
    return number == condition.equals


def _number(value: Any) -> float | None:
    return None if value == "" else float(value)
