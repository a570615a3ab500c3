"""`srp4ctr data validate`: what a run would make of its data.

Says what it would reject, how its splits come out, and what keeps it from running.
"""

from __future__ import annotations

from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from pipelines.commands.data.record_tables import record_tables
from pipelines.config import load_run_config
from pipelines.data_report import DataReport
from preprocessing.validation import Validation, validate


def validate_config(path: Path) -> bool:
    """Prints what is found; returns whether a run could succeed.

    Raises:
        ConfigError: the config itself is wrong.
    """
    console = Console()
    found = validate(load_run_config(path).spec)
    console.print(_tables(found))
    if any(table.reasons for table in found.tables):
        console.print(_rejected(found))
    if found.period:
        console.print(f"Events from {found.period[0]} to {found.period[1]}.")
    if found.report:
        for grid in record_tables(DataReport.model_validate(found.report)):
            console.print(grid)
    for table in found.unread:
        console.print(f"Not read: {table}, which is in BigQuery; a run checks it.")
    for warning in found.warnings:
        console.print(f"[yellow]Warning:[/yellow] {escape(warning)}", soft_wrap=True)
    problems = found.problems + found.run_problems
    for problem in problems:
        console.print(f"[red]Problem:[/red] {escape(problem)}", soft_wrap=True)
    if problems:
        console.print("1 problem." if len(problems) == 1 else f"{len(problems)} problems.")
    else:
        console.print(f"No problem found. Next: srp4ctr run {path}", soft_wrap=True, markup=False)
    return not problems


def _tables(found: Validation) -> Table:
    grid = Table("table", "files", "rows", "rejected")
    for table in found.tables:
        if table.files and not table.are_read:
            grid.add_row(table.name, f"{table.files:,}", "not read", "")
            continue
        grid.add_row(table.name, f"{table.files:,}", f"{table.rows:,}", f"{table.rejected_rows:,}")
        if table.entries is not None:
            grid.add_row(
                f"{table.name}, entries of lists",
                "",
                f"{table.entries:,}",
                f"{table.rejected_entries:,}",
            )
    return grid


def _rejected(found: Validation) -> Table:
    grid = Table("table", "rejected because", "rows or entries", "example")
    for table in found.tables:
        for reason, count in table.reasons.most_common():
            row = table.examples[reason]
            example = escape(f"{Path(row.file).name}, row {row.row}: {row.message}")
            grid.add_row(table.name, reason, f"{count:,}", example)
    return grid
