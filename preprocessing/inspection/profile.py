"""What each column of a log looks like."""

from __future__ import annotations

import dataclasses
import itertools
import re

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from preprocessing.kinds.kind import MULTIVALENT_SEPARATOR
from preprocessing.sources.columns import Column
from preprocessing.sources.files import files_of
from preprocessing.sources.formats import reader_of
from preprocessing.sources.lists import joined_lists
from preprocessing.sources.normal import plain
from preprocessing.sources.raw import RawBatch
from preprocessing.sources.section import Section
from preprocessing.sources.times import LATEST_SECOND, UNITS_PER_SECOND, seconds_of
from preprocessing.sources.values import numbers_of, text_of
from preprocessing.spec_tables import Table
from preprocessing.two_values import is_two_valued

_EARLIEST_SECOND = 300_000_000  # 1979: smaller numbers are more likely counts or ids than times
_TIME_NAME = r"time|date|stamp|(^|_)ts$|_at$"
_MOST_SPELLINGS = 8  # of the two values of a flag, and of none
_LEAST_LIST_SHARE = 0.05


@dataclasses.dataclass(frozen=True, eq=False)
class ColumnProfile:
    """One column.

    Attributes:
        name: As the file has it.
        kind: `time`, `flag` (two values, such as 0 and 1 or Y and N), `integer`, `number`, `list`
            or `text`.
        values: Its values as text, [rows]; "" where absent, lists joined with `|`.
        missing: Rows without a value.
        distinct: Different values.
        time_format: Of a time: a unit, `iso`, or `typed` where the file says it is one.
        seconds: Of a time: its earliest and latest, since 1970.
        times: Of a time: float64 [rows], seconds since 1970, NaN where absent.
    """

    name: str
    kind: str
    values: pa.Array
    missing: int
    distinct: int
    time_format: str = ""
    seconds: tuple[int, int] | None = None
    times: np.ndarray = dataclasses.field(default_factory=lambda: np.zeros(0))

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
        found = pc.value_counts(self.values).to_pylist()
        return [
            (v["values"], v["counts"])
            for v in sorted(found, key=lambda v: (-v["counts"], v["values"]))[:count]
        ]


def profile_log(table: Table, rows: int) -> tuple[list[ColumnProfile], int, int]:
    """Profiles the columns of a log's first `rows` rows, or a few more.

    Returns:
        The profiles, how many rows were read, and how many of them couldn't be.

    Raises:
        DataError: there is no such file, it can't be read at all, or files have different columns.
    """
    paths = files_of(table, "events")
    headers = [reader_of(table).read_header(path, table) for path in paths]
    is_open = headers[0].holds is not None  # other files, and rows, may have other columns
    names = tuple(
        dict.fromkeys(
            itertools.chain(*(header.names for header in (headers if is_open else headers[:1])))
        )
    )
    columns = tuple(Column(name, name, "any", "the first file") for name in names)
    batches: list[RawBatch] = []
    read = rejected = 0
    reader = reader_of(table)
    for part in (
        part
        for path in paths
        for part in reader.read_batches(Section(path), table, "events", columns, None)
    ):
        if isinstance(part, RawBatch):
            batches.append(part)
            read += len(part.numbers)
        else:
            rejected += 1
        if read >= rows:
            break
    profiles = (
        [_profile(name, [batch.columns[name] for batch in batches]) for name in names]
        if batches
        else []
    )
    return [profile for profile in profiles if profile is not None], read, rejected


def _profile(name: str, parts: list[pa.Array]) -> ColumnProfile | None:
    """None for a structure: its fields have profiles of their own."""
    types = [plain(part).type for part in parts]
    if any(pa.types.is_struct(kind) for kind in types):
        return None
    joined = [joined_lists(part, MULTIVALENT_SEPARATOR, name)[0] for part in parts]
    values = pa.concat_arrays([text_of(part, name)[0] for part in joined])
    missing = int(pc.sum(pc.equal(values, "")).as_py() or 0)
    distinct = pc.count_distinct(values).as_py() - bool(missing)
    profile = ColumnProfile(name, "text", values, missing, distinct)
    if any(pa.types.is_list(kind) or pa.types.is_large_list(kind) for kind in types):
        return dataclasses.replace(profile, kind="list")
    if any(pa.types.is_timestamp(kind) or pa.types.is_date(kind) for kind in types):
        return _as_time(
            profile, np.concatenate([seconds_of(part, "iso", name)[0] for part in parts]), "typed"
        )
    return _guess_kind(profile)


def _guess_kind(profile: ColumnProfile) -> ColumnProfile:
    if profile.missing == len(profile.values):
        return profile
    if profile.distinct <= _MOST_SPELLINGS and is_two_valued(
        value for value, _ in profile.top(_MOST_SPELLINGS + 1)
    ):
        return dataclasses.replace(profile, kind="flag")
    numbers, malformed = numbers_of(profile.values, profile.name)
    if not malformed.any():
        return _guess_number(profile, numbers)
    seconds, malformed = seconds_of(profile.values, "iso", profile.name)
    if not malformed.any():
        return _as_time(profile, seconds, "iso")
    listed = pc.sum(pc.match_substring(profile.values, MULTIVALENT_SEPARATOR)).as_py() / len(
        profile.values
    )
    return dataclasses.replace(profile, kind="list") if listed > _LEAST_LIST_SHARE else profile


def _guess_number(profile: ColumnProfile, numbers: np.ndarray) -> ColumnProfile:
    known = numbers[~np.isnan(numbers)]
    if not len(known):
        return profile  # all are absent, if in words
    named_so = re.search(_TIME_NAME, profile.name.lower())
    for unit, factor in UNITS_PER_SECOND.items():
        if (
            named_so
            and known.min() >= _EARLIEST_SECOND * factor
            and known.max() <= LATEST_SECOND * factor
        ):
            return _as_time(profile, numbers / factor, unit)
    return dataclasses.replace(
        profile, kind="integer" if (known == np.floor(known)).all() else "number"
    )


def _as_time(profile: ColumnProfile, seconds: np.ndarray, time_format: str) -> ColumnProfile:
    known = seconds[~np.isnan(seconds)]
    span = (int(known.min()), int(known.max())) if len(known) else None
    return dataclasses.replace(
        profile, kind="time", time_format=time_format, seconds=span, times=seconds
    )
