"""`srp4ctr precompute`, also `python -m serving.precompute`: its options."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer

from serving.contract import DEFAULT_MODEL_NAME


def precompute(
    context: typer.Context,
    model: Annotated[
        str,
        typer.Option(help="A model's directory of versions (the newest is taken), or a version's."),
    ],
    to: Annotated[
        str,
        typer.Option(help="redis://host:port/db, rediss://, unix://, or a folder for TFRecords."),
    ],
    model_name: Annotated[
        str, typer.Option(help="The model's name on the server.")
    ] = DEFAULT_MODEL_NAME,
    events: Annotated[
        str | None, typer.Option(help="Path or glob of the log, if not the dataset spec's.")
    ] = None,
    items: Annotated[str | None, typer.Option(help="The same of the items' table.")] = None,
    users: Annotated[str | None, typer.Option(help="The same of the users' table.")] = None,
    as_of: Annotated[
        int | None,
        typer.Option(help="Seconds since 1970, the time of the requests; by default now."),
    ] = None,
    staleness_seconds: Annotated[
        int,
        typer.Option(
            help="How old a state may get, as the clients say (Freshness): one half as old is "
            "made anew, and Redis forgets it after that time."
        ),
    ] = 86_400,
    ignored_context: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="A context input that requests may change, as the clients say (Freshness); may be "
            "given again. The others must be those of the user's last event.",
        ),
    ] = None,
    shards: Annotated[
        int,
        typer.Option(
            min=1, help="Users are spread over so many; of TFRecords the same in every run."
        ),
    ] = 64,
    batch_size: Annotated[int, typer.Option(min=1, help="The most users encoded at once.")] = 256,
    subscription: Annotated[
        str | None,
        typer.Option(
            help="A Pub/Sub subscription of events as JSON objects: refresh users as they arrive."
        ),
    ] = None,
    delay: Annotated[
        float, typer.Option(help="Streaming: seconds from an event to its user's refresh.")
    ] = 5.0,
) -> None:
    """Encode the users of a log whose states are not in the store, once or as events arrive.

    All other options are Beam's, such as --runner=FlinkRunner. A run that was cut short goes on
    when run again.
    """
    from serving.precompute.job import Precomputation, precompute_states

    tables: dict[str, str] = {}
    for name, path in (("events", events), ("items", items), ("users", users)):
        if path is not None:
            tables[name] = path
    asked = Precomputation(
        model=model,
        model_name=model_name,
        to=to,
        tables=tables,
        as_of=as_of,
        staleness_seconds=staleness_seconds,
        ignored_context=tuple(ignored_context or ()),
        shards=shards,
        batch_size=batch_size,
        subscription=subscription,
        delay=delay,
    )
    precompute_states(asked, context.args)


def run(argv: Sequence[str] | None = None) -> None:
    """The command with its arguments.

    Raises:
        ServingError, DataError: As `precompute_states`.
        SystemExit: An argument is wrong.
    """
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    # What isn't an option of the command is one of Beam's.
    app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})(
        precompute
    )
    try:
        app(argv, prog_name="python -m serving.precompute")
    except SystemExit as finished:
        if finished.code:
            raise
