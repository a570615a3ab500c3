"""Timestamps as files write them, to whole seconds since 1970 UTC."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from preprocessing.sources.normal import plain
from preprocessing.sources.values import numbers_of, text_of

# "s", "ms", "us": a number since 1970; "iso": ISO 8601 text; anything else: a strptime format, in UTC.
TimeFormat = str

# Milliseconds or microseconds read as seconds come out above this, the year 2286.
LATEST_SECOND = 10_000_000_000
UNITS_PER_SECOND = {"s": 1, "ms": 1_000, "us": 1_000_000}
_ISO = (
    r"^\s*(?P<year>\d{4})-(?P<month>\d\d)-(?P<day>\d\d)"
    r"(?:[T ](?P<h>\d\d):(?P<m>\d\d)(?::(?P<s>\d\d)(?:[.,]\d+)?)?"
    r"\s?(?:Z|z|(?P<zone_h>[+-]\d\d)(?::?(?P<zone_m>\d\d))?)?)?\s*$"
)
_PARTS = ("year", "month", "day", "h", "m", "s", "zone_h", "zone_m")


def seconds_of(values: pa.Array, time_format: TimeFormat, source: str) -> tuple[np.ndarray, np.ndarray]:
    """Timestamps as whole seconds, float64 [R], NaN where absent or malformed; and which are malformed, bool [R].

    A column of a type that has times (of Parquet or Avro) is read by its type, whatever `time_format` says.
    """
    values = plain(values)
    if pa.types.is_timestamp(values.type) or pa.types.is_date(values.type):
        return _by_type(values), np.zeros(len(values), bool)
    if time_format in UNITS_PER_SECOND:
        numbers, malformed = numbers_of(values, source)
        return np.floor(numbers / UNITS_PER_SECOND[time_format]), malformed
    text, _ = text_of(values, source)
    seconds = _by_iso(text) if time_format == "iso" else _by_format(text, time_format)
    is_blank = pc.equal(pc.utf8_trim_whitespace(text), "").to_numpy(zero_copy_only=False)
    return seconds, np.isnan(seconds) & ~is_blank


def _by_type(values: pa.Array) -> np.ndarray:
    microseconds = pc.cast(values, pa.timestamp("us", getattr(values.type, "tz", None)), safe=False)
    numbers = pc.cast(pc.cast(microseconds, pa.int64()), pa.float64(), safe=False)
    return np.floor(numbers.to_numpy(zero_copy_only=False) / 1e6)


def _by_format(text: pa.Array, time_format: str) -> np.ndarray:
    times = pc.strptime(pc.utf8_trim_whitespace(text), format=time_format, unit="s", error_is_null=True)
    return pc.cast(pc.cast(times, pa.int64()), pa.float64()).to_numpy(zero_copy_only=False)


def _by_iso(text: pa.Array) -> np.ndarray:
    found = pc.extract_regex(text, _ISO)
    matches = pc.is_valid(found).to_numpy(zero_copy_only=False)
    year, month, day, hour, minute, second, zone_hour, zone_minute = (_part(found, n) for n in range(len(_PARTS)))
    first = ((year - 1970) * 12 + np.clip(month, 1, 12) - 1).astype("datetime64[M]")
    days_of_month = ((first + 1).astype("datetime64[D]") - first.astype("datetime64[D]")).astype(np.int64)
    days = first.astype("datetime64[D]").astype(np.int64) + day - 1
    is_west = pc.starts_with(pc.struct_field(found, [_PARTS.index("zone_h")]), "-")
    zone = zone_hour * 60 + np.where(pc.fill_null(is_west, False).to_numpy(zero_copy_only=False), -1, 1) * zone_minute
    seconds = ((days * 24 + hour) * 60 + minute - zone) * 60 + second
    is_date = (month >= 1) & (month <= 12) & (day >= 1) & (day <= days_of_month)
    is_clock = (hour < 24) & (minute < 60) & (second <= 60) & (np.abs(zone_hour) < 24) & (zone_minute < 60)
    return np.where(matches & is_date & is_clock, seconds, np.nan)


def _part(found: pa.Array, place: int) -> np.ndarray:
    """A group of the pattern as int64 [R], 0 where there is nothing."""
    digits = pc.replace_substring(pc.struct_field(found, [place]), "+", "")
    known = pc.if_else(pc.equal(digits, ""), "0", digits)
    return pc.fill_null(pc.cast(known, pa.int64()), 0).to_numpy(zero_copy_only=False)
