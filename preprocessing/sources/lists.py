"""Joins lists of values into text, as multivalent features are read."""

from __future__ import annotations

import re

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from preprocessing.kinds.kind import MULTIVALENT_SEPARATOR
from preprocessing.sources.normal import list_offsets, normal_array, sums
from preprocessing.sources.values import as_text

_SEPARATORS = re.escape(MULTIVALENT_SEPARATOR) + "+"
_EMPTY_ENTRY = "^{0}|{0}{0}|{0}$".format(re.escape(MULTIVALENT_SEPARATOR))
# Why a row with such a list is rejected; also for the readers of Python lists.
SEPARATOR_IN_ENTRY = (
    "separator_in_entry",
    f"has an entry with '{MULTIVALENT_SEPARATOR}' in it, which stands between entries",
)


def joined_lists(values: pa.Array, separator: str, source: str) -> tuple[pa.Array, np.ndarray]:
    """Joins the entries of lists; absent and empty ones are left out. Other values stay.

    Returns:
        The strings, [R], and which lists can't be joined because an entry has the separator in it,
        bool [R].
    """
    values = normal_array(values)
    if not pa.types.is_list(values.type):
        return values, np.zeros(len(values), bool)
    entries, _ = as_text(values.flatten(), source)
    offsets = list_offsets(values)
    has_separator = pc.match_substring(entries, separator).to_numpy(zero_copy_only=False)
    is_bad = np.diff(sums(has_separator)[offsets]) > 0
    kept = pc.not_equal(entries, "").to_numpy(zero_copy_only=False)
    bounds = pa.array(sums(kept)[offsets], pa.int32())
    lists = pa.ListArray.from_arrays(bounds, entries.filter(pa.array(kept)))
    return pc.binary_join(lists, separator), is_bad


def without_empty_entries(joined: pa.Array) -> pa.Array:
    """Joined lists without empty entries, such as the middle one of `a||b`."""
    is_empty = pc.match_substring_regex(joined, _EMPTY_ENTRY)
    if not pc.any(is_empty).as_py():
        return joined
    single = pc.replace_substring_regex(joined, _SEPARATORS, MULTIVALENT_SEPARATOR)
    return pc.utf8_trim(single, MULTIVALENT_SEPARATOR)
