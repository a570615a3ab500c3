"""The options of `srp4ctr cost`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipelines.commands.arguments import path_here
from pipelines.commands.errors import user_errors


def cost(
    config: Annotated[Path, typer.Argument(help="A run's YAML file, such as configs/cost.yaml.")],
    output: Annotated[
        Path | None,
        typer.Option(
            help="Folder for cost.json, cost.md and cost.svg; by default <run's directory>/cost.",
            callback=path_here,
        ),
    ] = None,
    vocabulary: Annotated[
        int, typer.Option(min=1, help="Values of each vocabulary, for the size of tables.")
    ] = 10_000,
) -> None:
    """Count the operations, parameters and state bytes of every ranker at the size of CONFIG.

    The last line is one JSON object with the configured ranker's operations over those of an
    unfolded DIN + MMoE.
    """
    with user_errors():
        from pipelines.commands.cost.cost_report import report_costs

        report_costs(config, output, vocabulary)
