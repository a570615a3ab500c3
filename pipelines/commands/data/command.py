"""The options of `srp4ctr data` and its commands."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipelines.commands.arguments import RunFile, known_path, path_here
from pipelines.commands.as_of import as_of_option, as_of_seconds
from pipelines.commands.errors import user_errors
from pipelines.commands.span import Span, span_number

data_app = typer.Typer(
    help="Data sets: fetch public ones, look at a log, check a spec, write users for a service.",
    no_args_is_help=True,
)


@data_app.command("fetch")
def data_fetch(
    name: Annotated[str, typer.Argument(help="The data set, such as ml-100k.")],
    data_dir: Annotated[
        Path, typer.Option(help="Where data sets are kept.", callback=path_here)
    ] = Path("data"),
) -> None:
    """Download a public data set and check its files against their checksums."""
    with user_errors():
        from preprocessing import datasets

        datasets.fetch(name, data_dir, report=typer.echo)


@data_app.command("inspect")
def data_inspect(
    path: Annotated[
        str, typer.Argument(help="The log: a file or a quoted glob.", callback=known_path)
    ],
    format: Annotated[
        str | None, typer.Option(help="By default told from the file's name.")
    ] = None,
    columns: Annotated[
        str | None, typer.Option(help="Column names, with commas, for files without a header.")
    ] = None,
    delimiter: Annotated[
        str | None, typer.Option(help="Between values, if not the format's own.")
    ] = None,
    encoding: Annotated[
        str | None, typer.Option(help="Of text: utf-8 (by default) or latin-1.")
    ] = None,
    timestamp_format: Annotated[
        str | None,
        typer.Option(help="How times are written, as strptime has it, where values leave it open."),
    ] = None,
    rows: Annotated[
        int, typer.Option(min=1, help="How many rows to look at, from the beginning.")
    ] = 1_000_000,
    output: Annotated[
        Path | None, typer.Option(help="Write a first run config here.", callback=path_here)
    ] = None,
) -> None:
    """Say what each column of the log at PATH looks like, and write a first config for it."""
    with user_errors():
        from pipelines.commands.data.inspection import inspect_log

        names = tuple(columns.split(",")) if columns else None
        inspect_log(
            path,
            format=format,
            columns=names,
            delimiter=delimiter,
            rows=rows,
            output=output,
            encoding=encoding,
            time_format=timestamp_format,
        )


@data_app.command("validate")
def data_validate(
    config: RunFile,
) -> None:
    """Check CONFIG and every row of its log and tables, without running the pipeline."""
    with user_errors():
        from pipelines.commands.data.validation import validate_config

        if not validate_config(config):
            raise typer.Exit(1)


@data_app.command("users")
def data_users(
    config: RunFile,
    to: Annotated[
        Path, typer.Option(help="The file to write, such as users.jsonl.", callback=path_here)
    ],
    as_of: Annotated[str, as_of_option("the requests")] = "now",
    span: Span = None,
) -> None:
    """Write what a service sends of each user of CONFIG's log: a line of JSON a user.

    A line has the names that `encode_user` takes: the user's features, the latest history and what
    is counted of the user. Only what the request knows is left out, such as the device.
    """
    time_of_requests = as_of_seconds(as_of)
    with user_errors():
        from pipelines.commands.data.users import write_users

        typer.echo(write_users(config, to, time_of_requests, span_number(span)))
