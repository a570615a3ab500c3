"""The commands of `srp4ctr`; pipelines/cli.py starts them.

Each command has a file or a folder in `pipelines/commands/`. Whatever is heavy to import is
imported inside of the commands, so that `--help` is quick.
"""

from __future__ import annotations

from typing import Annotated

import typer

from pipelines.commands.compare import compare
from pipelines.commands.cost.command import cost
from pipelines.commands.data.command import data_app
from pipelines.commands.elsewhere import CommandsOfAllPackages
from pipelines.commands.experiment import experiment
from pipelines.commands.loadtest.command import loadtest
from pipelines.commands.model_server_flags import ModelServerCommand
from pipelines.commands.rank.command import rank
from pipelines.commands.remote import compile_, submit
from pipelines.commands.report import report
from pipelines.commands.rollback.command import rollback
from pipelines.commands.run.command import run
from pipelines.commands.serve import serve
from pipelines.commands.statistics.command import statistics
from pipelines.commands.tour import tour
from pipelines.commands.tune.command import tune

app = typer.Typer(
    cls=CommandsOfAllPackages,
    help="From a log of behaviour to a model that ranks items for users, and to a server for it. "
    "Start with `data inspect`, `data validate` and `run`.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.add_typer(data_app, name="data")
app.command(cls=ModelServerCommand)(serve)
app.command()(cost)
app.command()(compare)
app.command()(loadtest)
app.command("compile")(compile_)
app.command()(submit)
app.command()(experiment)
app.command()(rollback)
app.command()(statistics)
app.command()(tune)
app.command()(tour)
app.command()(run)
app.command()(rank)
app.command()(report)


def _print_version(asked: bool) -> None:
    if asked:
        from serving import __version__

        typer.echo(f"srp4ctr {__version__}")
        raise typer.Exit


@app.callback()
def main_options(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
) -> None:
    """Options of the command itself."""
