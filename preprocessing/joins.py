"""Whether events find their rows in the tables that they are joined with.

Where few do, the keys may be written in two ways, such as `7` and `007`: the report says which. Or
the table has no rows for them: the report says for how many, and for which ones.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from preprocessing.counts import Counts
from preprocessing.hints import shortened
from preprocessing.text_keys import normal_keys

ENOUGH = 0.9  # the share of rows that a table should have a row for
_EXPLAINED = 0.5  # the share of rows without a key from which on a rewriting explains them
_ROWS = "rows"
_MATCHED = "matched"
_KEYS = "matched_keys"
_MISSING = "missing_keys"
_UNCOUNTED = "uncounted_keys"
_MOST_COUNTED = 100  # keys without a row that a shard tells by name
_EXAMPLES = 2
# How keys that mean the same may differ, and what makes them equal.
REWRITINGS: dict[str, Callable[[pa.Array], pa.Array]] = {
    "without spaces around them": pc.utf8_trim_whitespace,
    "without leading zeros": lambda keys: pc.utf8_ltrim(keys, characters="0"),
    "without a final .0": lambda keys: pc.replace_substring_regex(
        keys, pattern=r"\.0+$", replacement=""
    ),
    "in lower case": pc.utf8_lower,
    "without spaces, leading zeros and a final .0, in lower case": normal_keys,
}
_WORDS = {
    "items": "the item table",
    "users": "the user table",
    "context": "the context table",
    "titles": "the titles of the item table",
}


def match_counts(
    table: str, ids: pa.Array, rows: np.ndarray, keys: pa.Array, matched: int
) -> Counts:
    """Counts the rows that have their id among a table's keys.

    Args:
        table: What the counters are called by.
        ids: Strings [I], each once.
        rows: int64 [I], how many rows have each id.
        keys: The table's keys.
        matched: How many rows found a row of the table that held at their time.

    Returns:
        `("joins", table, which)`: "rows", "matched", "matched_keys" and, if these are few, how many
        more rows each of REWRITINGS would match. `("missing_keys", table, id)`: the rows of the
        most frequent ids that aren't among the keys; those beyond are in
        `("joins", table, "uncounted_keys")`.
    """
    is_known = pc.is_in(ids, value_set=keys).to_numpy(zero_copy_only=False)
    counts = {_ROWS: int(rows.sum()), _MATCHED: matched, _KEYS: int(rows[is_known].sum())}
    missing = ids.filter(pa.array(~is_known))
    of_missing = rows[~is_known]
    if counts[_KEYS] < ENOUGH * counts[_ROWS]:
        counts |= _matches_rewritten(missing, of_missing, keys)
    counts[_UNCOUNTED] = max(len(missing) - _MOST_COUNTED, 0)
    named: Counts = Counter()
    for name, count in counts.items():
        named["joins", table, name] = count
    # The most frequent first; of equally frequent ones, those that come first in order.
    most = np.lexsort((pc.rank(missing).to_numpy(), -of_missing))[:_MOST_COUNTED]
    for place, key in zip(most.tolist(), missing.take(pa.array(most)).to_pylist(), strict=True):
        named[_MISSING, table, key] = int(of_missing[place])
    return named


def _matches_rewritten(missing: pa.Array, of_missing: np.ndarray, keys: pa.Array) -> dict[str, int]:
    counts: dict[str, int] = {}
    for name, rewrite in REWRITINGS.items():
        found = pc.is_in(rewrite(missing), value_set=pc.unique(rewrite(keys)))
        counts[name] = int(of_missing[found.to_numpy(zero_copy_only=False)].sum())
    return counts


def joins_report(
    joins: dict[str, dict[str, int]], missing: dict[str, dict[str, int]]
) -> dict[str, dict[str, int]]:
    """The counters of joins, with how many keys are missing in each table."""
    report: dict[str, dict[str, int]] = {}
    for table, counts in joins.items():
        report[table] = counts | {_MISSING: len(missing.get(table, {}))}
    return report


def missing_examples(missing: dict[str, dict[str, int]]) -> dict[str, list[str]]:
    """The most frequent keys that are missing in each table."""
    examples: dict[str, list[str]] = {}
    for table, rows in missing.items():
        frequent = sorted(rows, key=lambda key: (-rows[key], key))[:_EXAMPLES]
        examples[table] = [shortened(key) for key in frequent]
    return examples


def join_findings(
    joins: dict[str, dict[str, int]], examples: dict[str, list[str]]
) -> tuple[list[str], list[str]]:
    """What is wrong with the joins of a data report: problems, and what is only odd.

    Args:
        joins: As from `joins_report`.
        examples: As from `missing_examples`.
    """
    problems: list[str] = []
    warnings: list[str] = []
    for table, counts in joins.items():
        share = counts[_MATCHED] / counts[_ROWS] if counts[_ROWS] else 1.0
        if share >= ENOUGH:
            continue
        kind = warnings if counts[_MATCHED] else problems
        kind.append(_finding(table, counts, share, examples.get(table, [])))
    return problems, warnings


def _finding(table: str, counts: dict[str, int], share: float, examples: list[str]) -> str:
    what = "items" if table == "titles" else "events"
    found = f"{counts[_MATCHED]:,} of {counts[_ROWS]:,} {what} ({share:.1%})"
    return f"{found} find a row in {_WORDS[table]}. {_why(counts, examples)}"


def _why(counts: dict[str, int], examples: list[str]) -> str:
    if counts[_KEYS] >= ENOUGH * counts[_ROWS]:
        return (
            "Their keys are there, but no row is earlier than they are: are both timestamps in the "
            "right unit?"
        )
    best = max(REWRITINGS, key=lambda name: counts.get(name, 0))
    alike = counts.get(best, 0)
    said: list[str] = []
    if alike:
        simplest = next(name for name in REWRITINGS if counts.get(name) == alike)
        said.append(
            f"Written {simplest}, the keys of {alike:,} more would be the same: rewrite them in "
            f"one of the two."
        )
    elif not counts[_KEYS]:
        said.append("No key is in both: look at the columns that the spec joins by.")
    if alike < _EXPLAINED * (counts[_ROWS] - counts[_KEYS]):
        said.append(_lacking(counts, examples))
    return " ".join(said)


def _lacking(counts: dict[str, int], examples: list[str]) -> str:
    """Which keys have no row, as they are written."""
    if not counts.get(_MISSING):
        return "It has no row for the others."
    number = f"{'more than ' if counts.get(_UNCOUNTED) else ''}{counts[_MISSING]:,}"
    shown = " and ".join(repr(key) for key in examples)
    keys = "key" if number == "1" else "keys"
    return f"It has no row for {number} {keys}, such as {shown}."
