"""Words such as `NULL`, which probably mean that there is no value."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

_WORDS = (
    r"\n",
    "null",
    "(null)",
    "<null>",
    "nil",
    "none",
    "nan",
    "na",
    "n/a",
    "#n/a",
    "undefined",
    "unknown",
    "-",
)


def looks_absent(values: pa.Array) -> np.ndarray:
    """Whether a value looks as if there were none: bool [rows].

    Args:
        values: Strings [rows].
    """
    words = pc.utf8_lower(pc.utf8_trim_whitespace(values))
    return pc.is_in(words, value_set=pa.array(_WORDS)).to_numpy(zero_copy_only=False)


def absent_looking(values: pa.Array) -> dict[str, int]:
    """The values that look as if there were none, each with how many rows have it.

    Args:
        values: Strings [rows].
    """
    found = values.filter(pa.array(looks_absent(values)))
    return {count["values"]: count["counts"] for count in pc.value_counts(found).to_pylist()}


def without_words(values: pa.Array, words: Iterable[str]) -> pa.Array:
    """The values, "" where one is among `words`, with or without spaces around it.

    Args:
        values: Strings [rows].
        words: What means that there is no value.
    """
    absent = pa.array([word.strip() for word in words], pa.string())
    is_absent = pc.is_in(pc.utf8_trim_whitespace(values), value_set=absent)
    return pc.if_else(is_absent, "", values)
