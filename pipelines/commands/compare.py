"""`srp4ctr compare`: two finished runs side by side."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipelines.commands.arguments import path_here
from pipelines.commands.errors import user_errors


def compare(
    run_a: Annotated[
        Path,
        typer.Argument(help="A finished run's directory, such as runs/ml_100k, or its YAML file."),
    ],
    run_b: Annotated[Path, typer.Argument(help="The other's; differences are run B less run A.")],
    output: Annotated[
        Path | None,
        typer.Option(help="The page; by default RUN_B/report/comparison.html.", callback=path_here),
    ] = None,
) -> None:
    """Write a page that compares two finished runs.

    It shows scores, settings, data, slices, training and time side by side.
    """
    with user_errors():
        from pipelines.finished import run_dir_of
        from pipelines.report.comparison.page import compare as write

        page = write(run_dir_of(run_a), run_dir_of(run_b), output)
        typer.echo(f"Comparison: {page}")
