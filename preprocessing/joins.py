"""Whether events find their rows in the tables that they are joined with.

Where few do, the keys may be written in two ways, such as `7` and `007`: the report says which.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from preprocessing.text_keys import plain

ENOUGH = 0.9  # the share of rows that a table should have a row for
_ROWS = "rows"
_MATCHED = "matched"
_KEYS = "matched_keys"
# How keys that mean the same may differ, and what makes them equal.
REWRITINGS: dict[str, Callable[[pa.Array], pa.Array]] = {
    "without spaces around them": pc.utf8_trim_whitespace,
    "without leading zeros": lambda keys: pc.utf8_ltrim(keys, characters="0"),
    "without a final .0": lambda keys: pc.replace_substring_regex(
        keys, pattern=r"\.0+$", replacement=""
    ),
    "in lower case": pc.utf8_lower,
    "without spaces, leading zeros and a final .0, in lower case": plain,
}
_WORDS = {
    "items": "the item table",
    "users": "the user table",
    "context": "the context table",
    "titles": "the titles of the item table",
}


def match_counts(ids: pa.Array, rows: np.ndarray, keys: pa.Array, matched: int) -> dict[str, int]:
    """Counts the rows that have their id among a table's keys.

    Args:
        ids: Strings [I], each once.
        rows: int64 [I], how many rows have each id.
        keys: The table's keys.
        matched: How many rows found a row of the table that held at their time.

    Returns:
        "rows", "matched", "matched_keys" and, if these are few, how many more rows each of
        REWRITINGS would match.
    """
    is_known = pc.is_in(ids, value_set=keys).to_numpy(zero_copy_only=False)
    counts = {_ROWS: int(rows.sum()), _MATCHED: matched, _KEYS: int(rows[is_known].sum())}
    if counts[_KEYS] >= ENOUGH * counts[_ROWS]:
        return counts
    missing = ids.filter(pa.array(~is_known))
    of_missing = rows[~is_known]
    for name, rewrite in REWRITINGS.items():
        found = pc.is_in(rewrite(missing), value_set=pc.unique(rewrite(keys)))
        counts[name] = int(of_missing[found.to_numpy(zero_copy_only=False)].sum())
    return counts


def join_findings(joins: dict[str, dict[str, int]]) -> tuple[list[str], list[str]]:
    """What is wrong with the joins of a data report: problems, and what is only odd."""
    problems: list[str] = []
    warnings: list[str] = []
    for table, counts in joins.items():
        share = counts[_MATCHED] / counts[_ROWS] if counts[_ROWS] else 1.0
        if share >= ENOUGH:
            continue
        kind = warnings if counts[_MATCHED] else problems
        kind.append(_finding(table, counts, share))
    return problems, warnings


def _finding(table: str, counts: dict[str, int], share: float) -> str:
    what = "items" if table == "titles" else "events"
    found = f"{counts[_MATCHED]:,} of {counts[_ROWS]:,} {what} ({share:.1%})"
    return f"{found} find a row in {_WORDS[table]}. {_why(counts)}"


def _why(counts: dict[str, int]) -> str:
    if counts[_KEYS] >= ENOUGH * counts[_ROWS]:
        return (
            "Their keys are there, but no row is earlier than they are: are both timestamps in the "
            "right unit?"
        )
    best = max(REWRITINGS, key=lambda name: counts.get(name, 0))
    if not counts.get(best):
        return "The keys differ: look at the columns that the spec joins by."
    simplest = next(name for name in REWRITINGS if counts.get(name) == counts[best])
    return (
        f"Written {simplest}, the keys of {counts[best]:,} more would be the same: rewrite them in "
        f"one of the two."
    )
