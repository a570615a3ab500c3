"""The options of `srp4ctr loadtest`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipelines.commands.arguments import path_here
from pipelines.commands.errors import user_errors


def loadtest(
    address: Annotated[
        str, typer.Argument(help="host:port of the server's gRPC port, such as localhost:8500.")
    ],
    name: Annotated[str, typer.Option(help="The model's name.")] = "srp4ctr",
    rate: Annotated[
        float, typer.Option(min=0.01, help="Mean requests a second, a Poisson process.")
    ] = 50.0,
    seconds: Annotated[
        float, typer.Option(min=0.1, help="How long requests keep arriving.")
    ] = 30.0,
    candidates: Annotated[
        str, typer.Option(help="Mix of candidate counts, count:share,...")
    ] = "10:0.2,100:0.7,1000:0.1",
    users: Annotated[
        int, typer.Option(min=1, help="Different users; the n-th asks in proportion to n^-s.")
    ] = 1000,
    popularity: Annotated[float, typer.Option(min=0, help="That s.")] = 1.0,
    cache_mib: Annotated[
        int, typer.Option(min=0, help="The client's cache of user states, MiB; 0 for none.")
    ] = 64,
    concurrency: Annotated[
        int, typer.Option(min=1, max=1024, help="The most requests under way at once.")
    ] = 32,
    timeout: Annotated[
        float, typer.Option(min=0.001, help="Deadline of each request, seconds.")
    ] = 1.0,
    asyncio: Annotated[
        bool, typer.Option("--asyncio", help="Send from one event loop instead of threads.")
    ] = False,
    history: Annotated[int, typer.Option(min=0, help="Behaviours of a made-up user.")] = 100,
    records: Annotated[
        str | None,
        typer.Option(help="Gzipped TFRecords of raw records (glob): real users and items instead."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Of arrivals, users and candidates.")] = 1,
    out: Annotated[
        Path,
        typer.Option(help="Where loadtest.json and loadtest.png go.", callback=path_here),
    ] = Path("loadtest"),
) -> None:
    """Put load on the server at ADDRESS and show how long requests took.

    Times count from the moment at which a request was due. Ends with one JSON object on the last
    line. Users and items are made up unless --records names some.
    """
    with user_errors():
        from pipelines.commands.loadtest.run_loadtest import parse_mix, run_loadtest
        from serving.loadtest.plan import LoadPlan

        plan = LoadPlan(
            rate=rate,
            seconds=seconds,
            candidates=parse_mix(candidates),
            users=users,
            popularity=popularity,
            cache_mib=cache_mib,
            concurrency=concurrency,
            timeout_seconds=timeout,
            seed=seed,
        )
        run_loadtest(
            address,
            name,
            plan,
            history=history,
            records=records,
            out=out,
            in_event_loop=asyncio,
        )
