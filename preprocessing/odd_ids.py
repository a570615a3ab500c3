"""Ids such as `null`, which probably mean that there is no id.

Taken for an id, it would make one very busy user, or item, out of many.
"""

from __future__ import annotations

from collections.abc import Mapping


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
