"""How much data each run had."""

from __future__ import annotations

from pipelines.report.blocks import Section, Table
from pipelines.report.comparison.pair import NAMES, Pair, compared, signed_count
from pipelines.report.results import RunResults
from pipelines.report.sections.data import SPLIT_TITLES
from pipelines.text import count, day


def data_section(pair: Pair) -> Section:
    """The section on rows, records and candidates."""
    a, b = pair.both(_counts)
    rows = []
    for name in dict.fromkeys([*a, *b]):  # each once, in order
        rows.append([name, *compared((a.get(name), b.get(name)), count, signed_count)])
    differ = sum(of_a != of_b for _, of_a, of_b, _ in rows)
    same = "All counts are the same." if not differ else f"{differ} of {len(rows)} counts differ."
    period_a, period_b = pair.both(_period)
    return Section(
        anchor="data",
        title="The data",
        finding=f"{same} The log goes, A's from {period_a} and B's from {period_b}.",
        tables=[Table("Counts", ["What", *NAMES, "B less A"], rows)],
    )


def _period(results: RunResults) -> str:
    return f"{day(results.data.first_event)} to {day(results.data.last_event)}"


def _counts(results: RunResults) -> dict[str, int]:
    data = results.data
    counts = {f"Rows read, {name}": table.read for name, table in data.rows.items()}
    for name, table in data.rows.items():
        counts[f"Rows rejected, {name}"] = sum(table.rejected.values())
    counts["Users"] = data.users
    counts["Items"] = data.items
    for split, name in SPLIT_TITLES.items():
        if split in data.splits:
            counts[f"{name}: records"] = data.splits[split].records
            if data.splits[split].candidates:
                counts[f"{name}: candidates"] = data.splits[split].candidates
    return counts
