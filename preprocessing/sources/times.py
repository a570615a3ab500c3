"""Timestamps as files write them, to whole seconds since 1970 UTC."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from preprocessing.sources.normal import normal_array
from preprocessing.sources.time_text import seconds_by_pattern
from preprocessing.sources.values import as_numbers, as_text
from preprocessing.time_formats import ISO, ISO_WITH_ZONE, ISO_WITHOUT_ZONE, pattern_of

# "s", "ms", "us": a number since 1970; "iso": ISO 8601 text; anything else: a strptime format, in
# UTC.
TimeFormat = str

# Milliseconds or microseconds read as seconds come out above this, the year 2286.
LATEST_SECOND = 10_000_000_000
UNITS_PER_SECOND = {"s": 1, "ms": 1_000, "us": 1_000_000}


def seconds_of(
    values: pa.Array, time_format: TimeFormat, source: str
) -> tuple[np.ndarray, np.ndarray]:
    """Reads timestamps as whole seconds since 1970 UTC.

    A column of a type that has times (of Parquet or Avro) is read by its type, whatever
    `time_format` says.

    Returns:
        Seconds, float64 [R], NaN where absent or malformed, and which are malformed, bool [R].
    """
    values = normal_array(values)
    if pa.types.is_timestamp(values.type) or pa.types.is_date(values.type):
        return _by_type(values), np.zeros(len(values), bool)
    if time_format in UNITS_PER_SECOND:
        numbers, malformed = as_numbers(values, source)
        return np.floor(numbers / UNITS_PER_SECOND[time_format]), malformed
    text, _ = as_text(values, source)
    pattern = ISO if time_format == "iso" else pattern_of(time_format)
    seconds = seconds_by_pattern(text, pattern)
    is_blank = pc.equal(pc.utf8_trim_whitespace(text), "").to_numpy(zero_copy_only=False)
    return seconds, np.isnan(seconds) & ~is_blank


def by_zone(values: pa.Array) -> tuple[pa.Array, pa.Array]:
    """The strings that are ISO 8601 times with a zone, and those that are such without one.

    Args:
        values: Strings [R].
    """
    has_zone = pc.match_substring_regex(values, ISO_WITH_ZONE)
    others = values.filter(pc.invert(has_zone))
    local = others.filter(pc.match_substring_regex(others, ISO_WITHOUT_ZONE))
    return values.filter(has_zone), local


def _by_type(values: pa.Array) -> np.ndarray:
    microseconds = pc.cast(values, pa.timestamp("us", getattr(values.type, "tz", None)), safe=False)
    numbers = pc.cast(pc.cast(microseconds, pa.int64()), pa.float64(), safe=False)
    return np.floor(numbers.to_numpy(zero_copy_only=False) / 1e6)
