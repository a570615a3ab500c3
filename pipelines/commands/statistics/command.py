"""The options of `srp4ctr statistics`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipelines.commands.arguments import known_path
from pipelines.commands.as_of import as_of_option, as_of_seconds
from pipelines.commands.errors import user_errors
from pipelines.commands.span import Span, span_number


def statistics(
    config: Annotated[Path, typer.Argument(help="The YAML file of the model's runs.")],
    target: Annotated[
        str,
        typer.Argument(
            help="The model's base path on the server, which has a version already; gs:// and "
            "s3://, too.",
            callback=known_path,
        ),
    ],
    as_of: Annotated[str, as_of_option("the table")] = "now",
    span: Span = None,
    keep: Annotated[int, typer.Option(min=2, help="Versions that stay at TARGET.")] = 3,
) -> None:
    """Count the statistics of CONFIG's log anew, for the newest model at TARGET.

    The model's next version has them, and the same weights: nothing is trained. The server loads
    the version like any other.
    """
    time_of_table = as_of_seconds(as_of)
    with user_errors():
        from pipelines.commands.statistics.refresh import refresh_statistics
        from serving.refresh import as_of_at

        version = refresh_statistics(config, target, time_of_table, span_number(span), keep)
        typer.echo(f"Statistics as of {as_of_at(target)} are in {version}")
