"""The options of `srp4ctr rank`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipelines.commands.errors import user_errors


def rank(
    config: Annotated[
        Path, typer.Argument(help="A run's YAML file, such as configs/ml_100k.yaml.")
    ],
    user: Annotated[str, typer.Option(help="The user's id in the log.")],
    top: Annotated[int, typer.Option(min=1, help="How many items to show.")] = 10,
    server: Annotated[
        str | None, typer.Option(help="host:port of a server; by default one is started.")
    ] = None,
) -> None:
    """Rank the catalogue for a user with the pushed model, through the gRPC client."""
    with user_errors():
        from pipelines.commands.rank.rank_for_user import rank_for_user

        rank_for_user(config, user, top, server)
