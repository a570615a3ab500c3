"""Which role each column of a log may have: a guess from names and values, for a person to check."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable

import numpy as np

from preprocessing.inspection.profile import ColumnProfile

_KEYS = {
    "user": r"user|member|customer|household|visitor|client|account|uid",
    "item": r"item|product|movie|article|news|adgroup|sku|song|track|video|book|asin|iid",
    "request": r"request|impression_?id|session|basket|search_?id|page_?view|req",
}
_LABEL = r"click|clk|label|buy|bought|purchase|order|like|conver|target"
_RATING = r"rating|score|stars"
_BEHAVIOR = r"behavio|action|event|type"
_STRONG = r"buy|purchase|order|transaction|checkout"
_MOST_VALUES = 30
_LIKED = 0.8
_ONE_VALUE = 1.02  # value pairs an entity above which a column is not the entity's


@dataclasses.dataclass(frozen=True)
class Roles:
    """What was found.

    Attributes:
        user: The columns by role; None where no column has it.
        item: As above.
        time: As above.
        request: As above.
        label: The task's column and its condition, such as `{"equals": 1}`; None where nothing tells what is good.
        features: side -> column -> feature kind.
    """

    user: ColumnProfile | None
    item: ColumnProfile | None
    time: ColumnProfile | None
    request: ColumnProfile | None
    label: tuple[str, dict[str, object]] | None
    features: dict[str, dict[str, str]]

    @property
    def missing(self) -> list[str]:
        """The roles that a log must have and for which no column was found."""
        return [role for role in ("user", "item", "time") if getattr(self, role) is None]

    def role_of(self, column: str) -> str:
        """What a column is, for people."""
        for role in ("user", "item", "time", "request"):
            profile = getattr(self, role)
            if profile is not None and profile.name == column:
                return role
        sides = [f"{side} feature ({kinds[column]})" for side, kinds in self.features.items() if column in kinds]
        labels = [f"task ({self.label[1]})"] if self.label and self.label[0] == column else []
        return ", ".join(labels + sides)


def guess_roles(profiles: list[ColumnProfile]) -> Roles:
    """Guesses the roles of a log's columns."""
    keys: dict[str, ColumnProfile] = {}
    times = [p for p in profiles if p.kind == "time" and p.seconds]
    if times:
        keys["time"] = min(times, key=lambda p: p.missing)
    for role, pattern in _KEYS.items():
        free = [p for p in profiles if p not in keys.values() and p.kind in ("text", "integer") and p.distinct > 1]
        named = [p for p in free if re.search(pattern, p.name.lower())]
        if named:
            keys[role] = max(named, key=lambda p: (bool(re.search(r"id$", p.name.lower())), p.distinct))
    others = [p for p in profiles if p not in keys.values()]
    label = _label(others)
    features = _features(others, label, keys) if {"user", "item"} <= set(keys) else {}
    return Roles(keys.get("user"), keys.get("item"), keys.get("time"), keys.get("request"), label, features)


def _label(profiles: Iterable[ColumnProfile]) -> tuple[str, dict[str, object]] | None:
    few = [p for p in profiles if 1 < p.distinct <= _MOST_VALUES]
    for p in few:
        if p.kind == "flag" and re.search(_LABEL, p.name.lower()) and not p.name.lower().startswith("no"):
            truths = [value for value, _ in p.top(3) if value.lower() == "true"]
            return p.name, {"equals": truths[0] if truths else 1}
    for p in few:
        if p.kind in ("integer", "number") and re.search(_RATING, p.name.lower()):
            return p.name, {"at_least": _LIKED * max(float(value) for value, _ in p.top(_MOST_VALUES) if value)}
    for p in few:
        if p.kind == "text" and re.search(_BEHAVIOR, p.name.lower()):
            values = [value for value, _ in p.top(_MOST_VALUES) if value]
            strong = [value for value in values if re.search(_STRONG, value.lower())]
            return p.name, {"equals": strong[0] if strong else values[-1]}
    return None


def _features(
    profiles: list[ColumnProfile], label: tuple[str, dict[str, object]] | None, keys: dict[str, ColumnProfile]
) -> dict[str, dict[str, str]]:
    features: dict[str, dict[str, str]] = {"user": {}, "item": {}, "behavior": {}, "context": {}}
    for p in profiles:
        if p.kind == "time" or p.distinct < 2 or not re.fullmatch(r"[a-z][a-z0-9_.]*", p.name.lower()):
            continue
        if label and p.name == label[0]:
            if p.kind != "flag":  # a flag that is the label says little of a history that holds positives
                features["behavior"][p.name] = "categorical"
            continue
        if p.kind == "flag" and re.search(_LABEL, p.name.lower()):
            continue  # another outcome: as a feature it would tell the label
        kind = {"list": "multivalent", "number": "numeric"}.get(p.kind, "categorical")
        if kind == "categorical" and p.distinct > len(p.values) // 2:
            continue  # an id of its own, or free text
        side = next((side for side in ("item", "user") if _belongs_to(p, keys[side])), "context")
        if side == "context" and kind == "multivalent":
            continue
        features[side][p.name] = kind
    return features


def _belongs_to(profile: ColumnProfile, key: ColumnProfile) -> bool:
    """Whether an entity has one value, with few exceptions."""
    pairs = len(np.unique(key.codes * (profile.codes.max() + 1) + profile.codes))
    return pairs <= _ONE_VALUE * (key.distinct + bool(key.missing))
