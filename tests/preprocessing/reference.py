"""A naive, quadratic, pure-Python account of what the records are, to compare the vectorised one with."""

from __future__ import annotations

from typing import Any

from preprocessing.spec import Condition, DatasetSpec
from preprocessing.splits import CutOffs
from tests.testing import Record, Row


def reference_records(spec: DatasetSpec, rows: list[Row], items: list[Row], users: list[Row], cut: CutOffs) -> Any:
    """The records of a log by split (train, validation, test and all windows as `windows`)."""
    events = sorted(rows, key=lambda event: _order(spec, event))
    result: dict[str, list[Record]] = {"train": [], "validation": [], "test": [], "windows": []}
    for group in _requests(spec, events):
        time = min(event["timestamp"] for event in group)
        split = "train" if time < cut.validation else "validation" if time < cut.test else "test"
        candidates = [event for event in group if _hold(spec.candidates.where, event)]
        size = spec.candidates.max_per_request
        for start in range(0, len(candidates), size):
            piece = candidates[start : start + size]
            history = _history(spec, events, group[0]["user_id"], time)
            result[split].append(
                _record(spec, _id(spec, group, time), candidates[0], time, history, piece, items, users)
            )
    result["windows"] = _windows(spec, events, items, users, cut)
    return result


def _order(spec: DatasetSpec, event: Row) -> tuple[Any, ...]:
    """User, time, item, then the columns that the spec reads, in the order of their names in the pipeline."""
    price = float(event["price"]) if event["price"] != "" else float("inf")
    request = event["request"] if spec.events.request else ""
    return event["user_id"], event["timestamp"], event["item_id"], price, request, event["action"], event["device"]


def _requests(spec: DatasetSpec, events: list[Row]) -> list[list[Row]]:
    groups: dict[Any, list[Row]] = {}
    for event in events:
        request = event["request"] if spec.events.request else ""
        key = (event["user_id"], request) if request else (event["user_id"], "", event["timestamp"])
        groups.setdefault(key, []).append(event)
    return list(groups.values())


def _id(spec: DatasetSpec, group: list[Row], time: int) -> str:
    given = group[0]["request"] if spec.events.request else ""
    return given or f"{group[0]['user_id']}:{time}"


def _history(spec: DatasetSpec, events: list[Row], user: str, time: int) -> list[Row]:
    own = [e for e in events if e["user_id"] == user and e["timestamp"] < time and _hold(spec.history.where, e)]
    return own[-spec.history.length :]


def _windows(spec: DatasetSpec, events: list[Row], items: list[Row], users: list[Row], cut: CutOffs) -> list[Record]:
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
                found.append(_record(spec, name, window[-1], window[-1]["timestamp"], window, [], items, users))
            stop = start
    return found


def _record(
    spec: DatasetSpec,
    request: str,
    anchor: Row,
    time: int,
    history: list[Row],
    shown: list[Row],
    items: Any,
    users: Any,
) -> Record:
    by_item = {row["item_id"]: row for row in items}
    by_user = {row["user_id"]: row for row in users}
    record: Record = {
        "request_id": [request],
        "user_id": [anchor["user_id"]],
        "timestamp": [time],
        "user_age": [_number(by_user.get(anchor["user_id"], {}).get("age", ""))],
        "context_device": [anchor["device"]],
        "history_timestamp": [event["timestamp"] for event in history],
        "history_action": [event["action"] for event in history],
        "catalog_training_events": [],
    }
    for side, events in (("history", history), ("candidate", shown)):
        record[f"{side}_item_id"] = [event["item_id"] for event in events]
        record[f"{side}_tags"] = [by_item.get(event["item_id"], {}).get("tags", "") for event in events]
        record[f"{side}_weight"] = [_number(by_item.get(event["item_id"], {}).get("weight", "")) for event in events]
    for task, condition in spec.tasks.items():
        record[f"label_{task}"] = [float(_hold([condition], event)) for event in shown]
    return record


def _hold(conditions: Any, event: Row) -> bool:
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
