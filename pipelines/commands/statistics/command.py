"""The options of `srp4ctr statistics`."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from pipelines.commands.arguments import known_path
from pipelines.commands.errors import user_errors
from pipelines.commands.span import span_number


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
    as_of: Annotated[
        str,
        typer.Option(
            metavar="TIME",
            help="The time of the table, which later events are left out of: `now`; `last`, just "
            "after the log's last event, for a log that ended long ago; or seconds since 1970.",
        ),
    ] = "now",
    span: Annotated[
        str | None, typer.Option(help="The last day to read, for logs with a file a day.")
    ] = None,
    keep: Annotated[int, typer.Option(min=2, help="Versions that stay at TARGET.")] = 3,
) -> None:
    """Count the statistics of CONFIG's log anew, for the newest model at TARGET.

    The model's next version has them, and the same weights: nothing is trained. The server loads
    the version like any other.
    """
    time_of_table = table_time(as_of)
    with user_errors():
        from pipelines.commands.statistics.refresh import refresh_statistics
        from serving.refresh import as_of_at

        version = refresh_statistics(config, target, time_of_table, span_number(span), keep)
        typer.echo(f"Statistics as of {as_of_at(target)} are in {version}")


def table_time(text: str) -> int | None:
    """The seconds since 1970 that `--as-of` names; None for just after the log's last event.

    Raises:
        typer.BadParameter: it names none.
    """
    if text == "now":
        return int(time.time())
    if text == "last":
        return None
    if text.isdecimal():
        return int(text)
    raise typer.BadParameter(
        f"neither now, nor last, nor seconds since 1970: {text}", param_hint="--as-of"
    )
