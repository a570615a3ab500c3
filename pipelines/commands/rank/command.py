"""The options of `srp4ctr rank`."""

from __future__ import annotations

from typing import Annotated

import typer

from pipelines.commands.arguments import RunFile
from pipelines.commands.errors import user_errors


def rank(
    config: RunFile,
    user: Annotated[str, typer.Option(help="The user's id in the log.")],
    top: Annotated[int, typer.Option(min=1, help="How many items to show.")] = 10,
    server: Annotated[
        str | None, typer.Option(help="host:port of a server; by default one is started.")
    ] = None,
) -> None:
    """Rank the catalogue for a user with the pushed model, through the gRPC client.

    The catalogue is the config's item table (dataset.items), which needs a column of titles.
    """
    with user_errors():
        from pipelines.commands.rank.rank_for_user import rank_for_user

        rank_for_user(config, user, top, server)
