"""The options of `srp4ctr tune`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipelines.commands.errors import user_errors


def tune(
    config: Annotated[Path, typer.Argument(help="A run's YAML file with a section `tuning`.")],
    jobs: Annotated[int, typer.Option(min=1, help="Trainings at a time, each on one thread.")] = 1,
) -> None:
    """Try settings of CONFIG's tuning.space.

    Writes a run's file with those of the best validation AUC.
    """
    with user_errors():
        from pipelines.commands.tune.search import tune as search

        typer.echo(f"Best settings: {search(config, jobs)}")
