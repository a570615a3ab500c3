"""Ids that are hardly meant: such as `null`, and those that are like others but for a space.

Taken for an id, `null` would make one very busy user, or item, out of many; and `16.0` beside `16`
makes two out of one.
"""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa
import pyarrow.compute as pc

from preprocessing.hints import shortened
from preprocessing.text_keys import normal_keys


def id_findings(column: str, counts: Mapping[str, int]) -> list[str]:
    """A warning about each id that looks as if there were none.

    Args:
        column: The column that has them.
        counts: As from `absent_looking`.
    """
    findings: list[str] = []
    for value, count in counts.items():
        findings.append(
            f"{count:,} rows have {value!r} in column {column}, which is read as an id like any "
            f"other. If it means that there is none, leave it empty."
        )
    return findings


def twin_findings(column: str, ids: pa.Array) -> list[str]:
    """A warning where ids are like others in all that two systems may write differently.

    Args:
        column: The column that has them.
        ids: Strings [rows].
    """
    distinct = pc.unique(ids.filter(pc.not_equal(pc.utf8_trim_whitespace(ids), "")))
    distinct = distinct.take(pc.sort_indices(distinct))
    alike = normal_keys(distinct).dictionary_encode()
    sizes = pc.value_counts(alike.indices)
    several = sizes.filter(pc.greater(sizes.field("counts"), 1))
    if not len(several):
        return []
    twins = int(pc.sum(several.field("counts")).as_py()) - len(several)
    is_example = pc.equal(alike.indices, several.field("values")[0])
    one, other, *_ = distinct.filter(is_example).to_pylist()
    return [
        f"{twins:,} of the {len(distinct):,} ids in column {column} are like another one but for "
        f"spaces, leading zeros, a final .0, or upper and lower case, such as {shortened(one)!r} "
        f"and {shortened(other)!r}: each is read as an id of its own. If they mean the same, write "
        f"them alike."
    ]
