"""What a column of a log looks like."""

from __future__ import annotations

import dataclasses

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from preprocessing.absent import absent_looking, without_words
from preprocessing.inspection.names import KEYS, SESSION, has_words
from preprocessing.inspection.odd_values import are_literals, few_words_doubt, marker_doubt
from preprocessing.inspection.time_guess import guess_time, zone_doubt
from preprocessing.kinds.kind import MULTIVALENT_SEPARATOR
from preprocessing.sources.lists import joined_lists
from preprocessing.sources.normal import normal_array
from preprocessing.sources.times import seconds_of
from preprocessing.sources.values import as_numbers, as_text
from preprocessing.two_values import is_two_valued

_MOST_SPELLINGS = 8  # of the two values of a flag, and of none
_LEAST_LIST_SHARE = 0.05


@dataclasses.dataclass(frozen=True, eq=False)
class ColumnProfile:
    """One column.

    Attributes:
        name: As the file has it.
        kind: `time`, `flag` (two values, such as 0 and 1 or Y and N), `integer`, `number`, `list`,
            `literal` (lists or structures as text, such as `['a', 'b']`) or `text`.
        values: Its values as text, [rows]; "" where absent, lists joined with `|`.
        missing: How many rows have no value.
        distinct: How many different values there are.
        time_format: How times are written: a unit, `iso`, a format of strptime, or `typed` where
            the file says that it is a time. This one and the next two are for columns of times.
        seconds: The earliest and the latest time, seconds since 1970.
        times: float64 [rows], seconds since 1970, NaN where absent.
        is_list: Whether the file has lists there; those of text may be of kind `list`, too.
        time_doubt: Where the name says that these are times, what keeps some or all of the values
            from being read so.
        markers: Words such as NULL where all other values are numbers; `values` has "" instead.
        doubt: What a person should know of the values; "" if nothing.
    """

    name: str
    kind: str
    values: pa.Array
    missing: int
    distinct: int
    time_format: str = ""
    seconds: tuple[int, int] | None = None
    times: np.ndarray = dataclasses.field(default_factory=lambda: np.zeros(0))
    is_list: bool = False
    time_doubt: str = ""
    markers: tuple[str, ...] = ()
    doubt: str = ""

    @property
    def codes(self) -> np.ndarray:
        """A number for each different value: int64 [rows]."""
        return self.values.dictionary_encode().indices.to_numpy().astype(np.int64)

    @property
    def is_missing(self) -> np.ndarray:
        """Whether a row has no value: bool [rows]."""
        return pc.equal(self.values, "").to_numpy(zero_copy_only=False)

    def top(self, count: int) -> list[tuple[str, int]]:
        """The most frequent values and how often each is there."""
        counts = pc.value_counts(self.values).to_pylist()
        found = [(counted["values"], counted["counts"]) for counted in counts]
        return sorted(found, key=lambda pair: (-pair[1], pair[0]))[:count]


def profile_column(name: str, parts: list[pa.Array], time_format: str = "") -> ColumnProfile | None:
    """What a column looks like; None for a structure, whose fields have profiles of their own.

    Args:
        name: The column's.
        parts: Its values.
        time_format: The format of the log's times, if a person has told it.

    Raises:
        DataError: its values are neither single ones nor lists of such.
    """
    types = [normal_array(part).type for part in parts]
    if any(pa.types.is_struct(kind) for kind in types):
        return None
    joined = [joined_lists(part, MULTIVALENT_SEPARATOR, name)[0] for part in parts]
    values = pa.concat_arrays([as_text(part, name)[0] for part in joined])
    missing = int(pc.sum(pc.equal(values, "")).as_py() or 0)
    distinct = pc.count_distinct(values).as_py() - bool(missing)
    profile = ColumnProfile(name, "text", values, missing, distinct)
    if any(pa.types.is_list(kind) or pa.types.is_large_list(kind) for kind in types):
        return dataclasses.replace(profile, kind="list", is_list=True)
    if any(pa.types.is_timestamp(kind) or pa.types.is_date(kind) for kind in types):
        seconds = [seconds_of(part, "iso", name)[0] for part in parts]
        return _as_time(profile, np.concatenate(seconds), "typed")
    return guess_kind(profile, time_format)


def guess_kind(profile: ColumnProfile, time_format: str = "") -> ColumnProfile:
    """The profile of a column of text, with the kind that its values and its name tell.

    Args:
        profile: Of the column.
        time_format: The format of the log's times, if a person has told it.
    """
    if profile.missing == len(profile.values):
        return profile
    if _is_flag(profile):
        return dataclasses.replace(profile, kind="flag")
    guess = guess_time(profile.name, profile.values, time_format)
    if guess is not None:
        profile = dataclasses.replace(profile, time_doubt=guess.doubt)
        if guess.time_format:
            return _as_time(profile, guess.seconds, guess.time_format)
    profile = _without_markers(profile)
    if profile.markers and _is_flag(profile):
        return dataclasses.replace(profile, kind="flag")
    numbers, no_numbers = as_numbers(profile.values, profile.name)
    if not no_numbers.any():
        return _as_number(profile, numbers)
    seconds, malformed = seconds_of(profile.values, "iso", profile.name)
    if not malformed.any():  # of any year, and whatever the name says
        doubt = zone_doubt(profile.name, profile.values)
        return _as_time(dataclasses.replace(profile, time_doubt=doubt), seconds, "iso")
    if are_literals(profile.values):
        return dataclasses.replace(profile, kind="literal")
    if not _is_key(profile):
        doubt = few_words_doubt(profile.name, profile.values, no_numbers)
        profile = dataclasses.replace(profile, doubt=doubt)
    is_list = pc.match_substring(profile.values, MULTIVALENT_SEPARATOR)
    if pc.sum(is_list).as_py() > _LEAST_LIST_SHARE * len(profile.values):
        return dataclasses.replace(profile, kind="list")
    return profile


def _is_flag(profile: ColumnProfile) -> bool:
    if profile.distinct > _MOST_SPELLINGS:
        return False
    return is_two_valued([value for value, _ in profile.top(_MOST_SPELLINGS + 1)])


def _is_key(profile: ColumnProfile) -> bool:
    """Whether a column's name is that of ids, which have no values but words."""
    return any(has_words(pattern, profile.name) for pattern in (*KEYS.values(), SESSION))


def _without_markers(profile: ColumnProfile) -> ColumnProfile:
    """The profile of a column of numbers without words such as NULL, which are absent then."""
    found = absent_looking(profile.values)
    if not found or _is_key(profile):
        return profile
    values = without_words(profile.values, found)
    numbers, malformed = as_numbers(values, profile.name)
    if malformed.any() or np.isnan(numbers).all():
        return profile
    missing = int(pc.sum(pc.equal(values, "")).as_py())
    return dataclasses.replace(
        profile,
        values=values,
        missing=missing,
        distinct=pc.count_distinct(values).as_py() - bool(missing),
        markers=tuple(sorted({word.strip() for word in found})),
        doubt=marker_doubt(profile.name, found),
    )


def _as_number(profile: ColumnProfile, numbers: np.ndarray) -> ColumnProfile:
    known = numbers[~np.isnan(numbers)]
    if not len(known):
        return profile  # every value is a word such as nan
    is_whole = bool((known == np.floor(known)).all())
    return dataclasses.replace(profile, kind="integer" if is_whole else "number")


def _as_time(profile: ColumnProfile, seconds: np.ndarray, time_format: str) -> ColumnProfile:
    known = seconds[~np.isnan(seconds)]
    span = (int(known.min()), int(known.max())) if len(known) else None
    return dataclasses.replace(
        profile, kind="time", time_format=time_format, seconds=span, times=seconds
    )
