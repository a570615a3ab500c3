"""`srp4ctr report`: a finished run's report, written again."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipelines.commands.errors import user_errors


def report(
    run: Annotated[
        Path,
        typer.Argument(
            help="A run's directory, such as runs/ml_100k, or its YAML file, such as "
            "configs/ml_100k.yaml."
        ),
    ],
) -> None:
    """Write report/metrics.json and report/index.html of a finished run again."""
    with user_errors():
        from pipelines.finished import run_dir_of
        from pipelines.report.write import write_report

        typer.echo(f"Report: {write_report(run_dir_of(run))}")
