"""Guesses which role each column of a log has, from names and values; for a person to check."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping

import numpy as np

from preprocessing.durations import SECONDS_PER_DAY
from preprocessing.inspection.groups import Groups
from preprocessing.inspection.label import Label, guess_label, no_label
from preprocessing.inspection.names import (
    AMOUNT,
    KEYS,
    ODD_TIME,
    SESSION,
    SHOWN,
    has_words,
    in_snake_case,
)
from preprocessing.inspection.odd_values import literal_reason
from preprocessing.inspection.pages import Page, find_page
from preprocessing.inspection.profile import ColumnProfile
from preprocessing.inspection.sides import Sides
from preprocessing.inspection.time_guess import are_clocks, clock_doubt


@dataclasses.dataclass(frozen=True, kw_only=True)
class Roles:
    """What was found.

    Attributes:
        user: The column of users; None where no column has this role.
        item: The column of items, likewise.
        time: The column of the events' times, likewise.
        request: The column of requests, likewise.
        label: What tells which events are good; None where nothing does.
        features: The kind of feature of each column, by side and column.
        left_out: Columns that are not used because their role isn't sure, each with the reason.
        page: How a row is a page of shown items; None where it is one event.
        time_doubts: What a person should know of the column of times; where none was found, of
            those that are called like one.
        label_doubts: Where no label was found, what a person should know of that.
        value_doubts: What a person should know of the values of columns.
        absent: Words that stand among numbers where there is none.
        of_showings: The item features that are of one showing of an item, such as its position on a
            page.
    """

    user: ColumnProfile | None = None
    item: ColumnProfile | None = None
    time: ColumnProfile | None = None
    request: ColumnProfile | None = None
    label: Label | None = None
    features: dict[str, dict[str, str]] = dataclasses.field(default_factory=dict)
    left_out: dict[str, str] = dataclasses.field(default_factory=dict)
    page: Page | None = None
    time_doubts: tuple[str, ...] = ()
    label_doubts: tuple[str, ...] = ()
    value_doubts: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()
    of_showings: tuple[str, ...] = ()

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
        found: list[str] = []
        if self.label and self.label.column == column:
            condition = [f"{key}: {value}" for key, value in self.label.condition.items()]
            found.append(f"task ({', '.join(condition)})")
        for side, kinds in self.features.items():
            if column in kinds:
                found.append(f"{side} feature ({kinds[column]})")
        if self.page and column == self.page.chosen:
            found.append("the chosen item")
        if column in self.left_out:
            found.append(f"left out: {self.left_out[column]}")
        return ", ".join(found)


def guess_roles(
    profiles: list[ColumnProfile], without_profile: Mapping[str, str] | None = None
) -> Roles:
    """Guesses the roles of a log's columns.

    Args:
        profiles: Of the columns.
        without_profile: Other columns, which are left out, each with the reason.
    """
    left_out = dict(without_profile or {})
    for profile in profiles:
        if profile.kind == "literal":
            left_out[profile.name] = literal_reason(profile.values)
    value_doubts = tuple(p.doubt for p in profiles if p.doubt)
    absent = tuple(sorted({word for p in profiles for word in p.markers}))
    keys: dict[str, ColumnProfile] = {}
    roles_to_find = ["user", "item"]
    page = find_page(profiles)
    if page is not None:
        profiles = page.events(profiles)
        keys["item"] = next(p for p in profiles if p.name == page.columns[0])
        roles_to_find.remove("item")
    for role in roles_to_find:
        found = _key(role, profiles, keys.values())
        if found is not None:
            keys[role] = found
    time = _time(profiles, [Groups.by(key) for key in keys.values()])
    if time is not None:
        keys["time"] = time
    doubts = _time_doubts(time, profiles)
    if len(keys) < 3:
        # Without user, item and time nothing can be said of the other columns.
        return Roles(
            user=keys.get("user"),
            item=keys.get("item"),
            time=time,
            left_out=left_out,
            time_doubts=doubts,
            value_doubts=value_doubts,
            absent=absent,
        )
    request, not_of_requests = _request(profiles, keys)
    left_out |= not_of_requests
    used = list(keys.values())
    if request is not None:
        used.append(request)
    others = [p for p in profiles if p not in used and p.name not in left_out]
    if page is not None:
        others = [p for p in others if p.name != page.chosen]
    sides = Sides(keys["user"], keys["item"], keys["time"], request)
    label = guess_label(others, sides) if page is None else page.label(profiles)
    features = sides.features(others, label)
    left_out |= features.left_out
    of_items = [p for p in others if p.name in features.kinds["item"]]
    return Roles(
        user=keys["user"],
        item=keys["item"],
        time=keys["time"],
        request=request,
        label=label,
        features=features.kinds,
        left_out=left_out,
        page=page,
        time_doubts=doubts,
        label_doubts=() if label else no_label(others, sides),
        value_doubts=value_doubts,
        absent=absent,
        of_showings=_of_showings(of_items, keys["item"]),
    )


def _of_showings(of_items: Iterable[ColumnProfile], item: ColumnProfile) -> tuple[str, ...]:
    """The columns that are called like a position on a page, and differ between an item's events.

    A price is called like what is shown, too, but is mostly the item's.
    """
    by_item = Groups.by(item)
    found: list[str] = []
    for profile in of_items:
        is_called_so = has_words(SHOWN, profile.name) and not has_words(AMOUNT, profile.name)
        if is_called_so and not by_item.have_one(profile):
            found.append(profile.name)
    return tuple(found)


def _key(
    role: str, profiles: Iterable[ColumnProfile], taken: Iterable[ColumnProfile]
) -> ColumnProfile | None:
    """The column whose name says that it has the ids of a role, of several the most likely one."""
    used = {profile.name for profile in taken}
    named = []
    for profile in profiles:
        is_free = _may_be_id(profile) and profile.name not in used
        if is_free and has_words(KEYS[role], profile.name):
            named.append(profile)

    def likelihood(profile: ColumnProfile) -> tuple[bool, int]:
        return in_snake_case(profile.name).endswith("id"), profile.distinct

    return max(named, key=likelihood, default=None)


def _may_be_id(profile: ColumnProfile) -> bool:
    return profile.kind in ("text", "integer") and profile.distinct > 1


def _time(profiles: Iterable[ColumnProfile], entities: list[Groups]) -> ColumnProfile | None:
    """The time of the events, which differs from one event of a user or an item to the next."""
    times = [p for p in profiles if p.kind == "time" and p.seconds]
    # Such as the day on which an item was published: the same in all events of the item.
    of_entity: set[str] = set()
    for profile in times:
        if any(entity.are_described_by(profile) for entity in entities):
            of_entity.add(profile.name)
    times = [p for p in times if not (p.name in of_entity and has_words(ODD_TIME, p.name))]

    def oddness(profile: ColumnProfile) -> tuple[bool, bool, int, int]:
        is_odd = has_words(ODD_TIME, profile.name)
        return profile.name in of_entity, is_odd, profile.missing, -profile.distinct

    return min(times, key=oddness, default=None)


def _time_doubts(time: ColumnProfile | None, profiles: list[ColumnProfile]) -> tuple[str, ...]:
    """What a person should know of the column of times, or of those that are called like one."""
    if time is None:
        return tuple(p.time_doubt for p in profiles if p.time_doubt)
    doubts = [time.time_doubt]
    known = time.times[~np.isnan(time.times)]
    if not (known % SECONDS_PER_DAY).any():
        clocks = (p for p in profiles if p.kind == "text" and are_clocks(p.values))
        doubts += [clock_doubt(time.name, p.name, p.values) for p in clocks]
    return tuple(filter(None, doubts))


def _request(
    profiles: Iterable[ColumnProfile], keys: dict[str, ColumnProfile]
) -> tuple[ColumnProfile | None, dict[str, str]]:
    """The id of requests, whose events have one time.

    Returns:
        Its column, and columns of ids that are named like it but aren't used, such as a session's,
        which has many requests; each with the reason.
    """
    found = _key("request", profiles, keys.values())
    free = [p for p in profiles if p not in keys.values() and _may_be_id(p)]
    # Some logs call a request a session; a column that is named after requests comes first.
    named = [] if found is None else [found]
    named += [p for p in free if has_words(SESSION, p.name) and p is not found]
    of_requests = [p for p in named if Groups.by(keys["user"], p).are_requests(keys["time"])]
    request = next(iter(of_requests), None)
    left_out: dict[str, str] = {}
    for profile in named:
        if profile not in of_requests:
            left_out[profile.name] = (
                "an id whose events go on for long, such as a session's, which has many requests"
            )
        elif profile is not request:
            left_out[profile.name] = "an id of sessions beside that of requests"
    return request, left_out
