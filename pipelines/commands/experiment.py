"""`srp4ctr experiment`: compares models over seeds."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipelines.commands.arguments import path_here
from pipelines.commands.errors import user_errors


def experiment(
    config: Annotated[
        Path, typer.Argument(help="A YAML file such as configs/experiments/ml_100k.yaml.")
    ],
    only: Annotated[
        list[str] | None, typer.Option(help="A model to run; may be given again. All by default.")
    ] = None,
    jobs: Annotated[int, typer.Option(min=1, help="Trainings at a time, each on one thread.")] = 1,
    train: Annotated[
        bool, typer.Option(help="Train what is missing, or write the results of what is done.")
    ] = True,
    publish: Annotated[
        Path | None,
        typer.Option(help="A Markdown file for the results: docs/results.md.", callback=path_here),
    ] = None,
) -> None:
    """Train every model of CONFIG with every seed and compare them.

    A result is kept for each training: a run that was killed goes on, and results of what is done
    are written.
    """
    with user_errors():
        from pipelines.experiment.run import run_experiment

        run_experiment(config, only or (), jobs, publish, train)
