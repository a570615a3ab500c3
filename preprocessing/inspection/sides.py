"""What each column describes: the user, the item, the request, or one showing of an item."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pyarrow as pa

from preprocessing.counts import nested
from preprocessing.events import SortedEvents
from preprocessing.inspection.groups import Groups
from preprocessing.inspection.label import Label, is_sure
from preprocessing.inspection.names import AMOUNT, BEHAVIOR, SHOWN, has_words, names_outcome
from preprocessing.inspection.profile import ColumnProfile
from preprocessing.leaks import JUDGED, LEARNT, TOO_GOOD, buckets_of, feature_auc
from preprocessing.popularity import count_labels
from preprocessing.sources.columns import TIME, is_numeric, number_column, text_column
from preprocessing.sources.values import as_numbers
from preprocessing.spec_records import Condition
from preprocessing.tables import encode_strings

# What a column tells of the label is learnt from this share of the rows, the earlier ones.
_TRAINED_ON = 0.7
_KINDS = {"list": "multivalent", "number": "numeric"}
# Why a column is left out.
_OTHER_TIME = "a time besides that of the events"
_NO_VALUE = "it has no value in any row"
_ONE_VALUE = "it has the same value in all rows"
_ONE_VALUE_OR_NONE = "it has a single value, and none in {missing:.1%} of the rows"
_NO_NAME = "it has no name"
_LIST_OF_REQUEST = "a list of each request: a context feature if it is known in time, else never"
_RARELY_REPEATS = "its values rarely repeat, as those of an id or of free text"
_TELLS = "it alone tells the label, with an AUC of {auc:.3f}: it is hardly known in time"
_UNSURE_OUTCOME = (
    "an outcome by its name and its two values, but which is the good one? Write the task"
)
_OUTCOME = (
    "an outcome by its name: as a feature it would tell the label; it may be a task of its own"
)
_DIFFERS = (
    "it differs within requests: an item feature if it is known when the item is shown, else never"
)
_FLAG = (
    "of two values, perhaps an outcome{sure}: a context feature if it is known in time, else a task"
)


# Their features have to be known before an item is shown: what tells the label hardly is.
_KNOWN_BEFORE = ("user", "item", "context")


class Features(NamedTuple):
    """What columns are features.

    Attributes:
        kinds: The kind of feature of each column, by side and column.
        left_out: The columns that are neither a feature nor the label, each with the reason.
    """

    kinds: dict[str, dict[str, str]]
    left_out: dict[str, str]


class _Place(NamedTuple):
    """The side that a column is a feature of; "" where it is none, and why not."""

    side: str = ""
    why_not: str = ""


class Sides:
    """Tells what columns describe.

    Args:
        user: The column of users.
        item: The column of items.
        time: The column of times.
        request: The column of requests; None: a user's rows of one time are one request.
    """

    def __init__(
        self,
        user: ColumnProfile,
        item: ColumnProfile,
        time: ColumnProfile,
        request: ColumnProfile | None,
    ) -> None:
        self._time = time
        self._entities = {"item": Groups.by(item), "user": Groups.by(user)}
        self._requests = Groups.by(user, time if request is None else request)

    def describes_entity(self, profile: ColumnProfile) -> bool:
        """Whether a column has one value per user or per item, where these have several rows."""
        return any(entity.are_described_by(profile) for entity in self._entities.values())

    def differs_within_requests(self, profile: ColumnProfile) -> bool:
        """Whether requests of several rows have different values in a column."""
        return self._requests.repeats and not self._requests.have_one(profile)

    def features(self, profiles: list[ColumnProfile], label: Label | None) -> Features:
        """What columns are features, and of what.

        Args:
            profiles: Of the columns that may be features.
            label: The task.
        """
        kinds: dict[str, dict[str, str]] = {"user": {}, "item": {}, "behavior": {}, "context": {}}
        left_out: dict[str, str] = {}
        outcome = _outcome(profiles, label)
        for p in profiles:
            if label and p.name == label.column:
                # Histories often hold positives only, of which the label's flag says nothing.
                if not label.is_flag and not _why_unfit(p):
                    kinds["behavior"][p.name] = "categorical"
                continue
            place = self._place(p, outcome)
            if place.why_not:
                left_out[p.name] = place.why_not
            else:
                kinds[place.side][p.name] = _kind_of(p)
        return Features(kinds, left_out)

    def _place(self, p: ColumnProfile, outcome: np.ndarray | None) -> _Place:
        """Where a column belongs; the first reason against it decides."""
        why_unfit = _why_unfit(p)
        if why_unfit:
            return _Place(why_not=why_unfit)
        kind = _kind_of(p)
        if kind == "categorical" and p.distinct > len(p.values) // 2:
            return _Place(why_not=_RARELY_REPEATS)
        place = self._side(p)
        if place.side in _KNOWN_BEFORE and outcome is not None:
            auc = self._auc(p, outcome)
            if auc is not None and auc > TOO_GOOD:
                return _Place(why_not=_TELLS.format(auc=auc))
        if place.side == "context" and kind == "multivalent":
            return _Place(why_not=_LIST_OF_REQUEST)
        return place

    def _side(self, p: ColumnProfile) -> _Place:
        """The side that a column describes, if that is sure; the first rule that fits decides."""
        if p.kind == "text" and has_words(BEHAVIOR, p.name) and not self.describes_entity(p):
            return _Place("behavior")
        # "item" or "user" where a column has one value for each, even if most have a single row.
        side = next((side for side, entity in self._entities.items() if entity.have_one(p)), "")
        if names_outcome(p.name) and not (side and self.describes_entity(p)):
            is_unsure = p.kind == "flag" and not is_sure(p)
            return _Place(why_not=_UNSURE_OUTCOME if is_unsure else _OUTCOME)
        if side and (p.kind != "flag" or self.describes_entity(p)):
            return _Place(side)
        # From here on, a column is of requests or of what is shown in them.
        if self.differs_within_requests(p):
            return _Place("item") if has_words(SHOWN, p.name) else _Place(why_not=_DIFFERS)
        if p.kind == "flag" and not self._requests.repeats:
            sure = "" if is_sure(p) else " (and which of its values is the good one?)"
            return _Place(why_not=_FLAG.format(sure=sure))
        # Where each request has a single row, only the name tells what is of the item shown.
        is_of_shown = has_words(SHOWN, p.name) and not self._requests.repeats
        return _Place("item" if is_of_shown else "context")

    def _auc(self, p: ColumnProfile, outcome: np.ndarray) -> float | None:
        """How well a column alone tells the later events' label, learnt from the earlier ones."""
        values = _numbers(p) if p.kind == "number" else p.values.cast(pa.binary())
        buckets = buckets_of(values)
        order = np.argsort(self._time.times, kind="stable")
        learnt, judged = np.split(order, [int(_TRAINED_ON * len(order))])
        counts = count_labels((LEARNT,), buckets[learnt], outcome[learnt])
        counts += count_labels((JUDGED,), buckets[judged], outcome[judged])
        return feature_auc(nested(counts))


def _why_unfit(p: ColumnProfile) -> str:
    """Why a column can be no feature at all; "" where it can."""
    if p.kind == "time":
        return _OTHER_TIME
    if p.distinct < 2 and p.kind != "flag":
        return _one_value(p)
    return "" if p.name else _NO_NAME


def _one_value(p: ColumnProfile) -> str:
    if not p.distinct:
        return _NO_VALUE
    if not p.missing:
        return _ONE_VALUE
    return _ONE_VALUE_OR_NONE.format(missing=p.missing / len(p.values))


def _kind_of(p: ColumnProfile) -> str:
    if p.kind == "integer" and has_words(AMOUNT, p.name):
        return "numeric"
    return _KINDS.get(p.kind, "categorical")


def _numbers(p: ColumnProfile) -> pa.Array:
    return pa.array(as_numbers(p.values, p.name)[0])


def _outcome(profiles: list[ColumnProfile], label: Label | None) -> np.ndarray | None:
    """Which rows fulfil the label's condition, bool [rows]; None where nothing tells."""
    if label is None:
        return None
    for p in profiles:
        if p.name == label.column:
            return _holds(p, label)
    return label.outcome


def _holds(p: ColumnProfile, label: Label) -> np.ndarray:
    """Which rows fulfil the label's condition: bool [rows]."""
    condition = Condition.model_validate({"column": p.name} | label.condition)
    numbers = {TIME: np.zeros(len(p.values))}
    strings = {}
    if is_numeric(condition):
        numbers[number_column(p.name)] = _numbers(p).to_numpy()
    else:
        strings[text_column(p.name)] = encode_strings(pa.chunked_array([p.values]))
    return SortedEvents(strings, numbers).hold([condition])
