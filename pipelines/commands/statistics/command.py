"""The options of `srp4ctr statistics`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipelines.commands.errors import user_errors
from pipelines.commands.span import span_number


def statistics(
    config: Annotated[Path, typer.Argument(help="The YAML file of the model's runs.")],
    target: Annotated[
        str,
        typer.Argument(
            help="The model's base path on the server, which has a version already; gs:// and "
            "s3://, too."
        ),
    ],
    as_of: Annotated[
        int | None,
        typer.Option(
            help="Seconds since 1970: leave later events out. By default just after the last one."
        ),
    ] = None,
    span: Annotated[
        str | None, typer.Option(help="The last day to read, for logs with a file a day.")
    ] = None,
    keep: Annotated[int, typer.Option(min=2, help="Versions that stay at TARGET.")] = 3,
) -> None:
    """Count the statistics of CONFIG's log anew, for the newest model at TARGET.

    The model's next version has them, and the same weights: nothing is trained. The server loads
    the version like any other.
    """
    with user_errors():
        from pipelines.commands.statistics.refresh import refresh_statistics

        version = refresh_statistics(config, target, as_of, span_number(span), keep)
        typer.echo(f"Statistics as of now are in {version}")
