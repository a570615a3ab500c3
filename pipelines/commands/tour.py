"""`srp4ctr tour`: what a trained model reads, fills in, attends to and ranks, for one user."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipelines.commands.errors import user_errors


def tour(
    config: Annotated[
        Path, typer.Argument(help="The YAML file of a finished run, such as configs/ml_100k.yaml.")
    ],
    user: Annotated[
        str | None,
        typer.Option(
            help="A user's id in the log; by default one that pre-training did not learn from."
        ),
    ] = None,
) -> None:
    """Walk through the model of a finished run, with one user.

    Shows the user's history, what the encoder fills in for a hidden behaviour, which behaviours a
    candidate attends to, and the ranking with and without the encoder.
    """
    with user_errors():
        from pipelines.tour.tour import tour as walk

        walk(config, user)
