"""The `srp4ctr` command. Everything heavy is imported inside the commands, so that `--help` is quick."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from pipelines.commands.compare import compare
from pipelines.commands.cost import cost
from pipelines.commands.data import data_app
from pipelines.commands.elsewhere import CommandsOfAllPackages
from pipelines.commands.errors import user_errors
from pipelines.commands.experiment import experiment
from pipelines.commands.loadtest import loadtest
from pipelines.commands.model_server_flags import ModelServerCommand
from pipelines.commands.remote import compile_, submit
from pipelines.commands.rollback import rollback
from pipelines.commands.serve import serve
from pipelines.commands.statistics import statistics
from pipelines.commands.tour import tour
from pipelines.commands.tune import tune
from pipelines.own_packages import shadowed_packages

app = typer.Typer(
    cls=CommandsOfAllPackages,
    help="Pre-train on behaviour sequences, fine-tune a click-through-rate model, serve it with split signatures.",
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

ConfigPath = Annotated[
    Path, typer.Argument(help="A run's YAML file, such as configs/ml_100k.yaml.")
]


def main() -> None:
    """The console script."""
    for message in shadowed_packages():
        typer.secho(f"Error: {message}", err=True, fg=typer.colors.RED)
        sys.exit(2)
    from serving.quiet import quiet_libraries

    quiet_libraries()
    app()


@app.command()
def run(
    config: ConfigPath,
    seed: Annotated[int | None, typer.Option(help="Replaces trainer.seed.")] = None,
    cache: Annotated[
        bool, typer.Option(help="Reuse finished components whose inputs have not changed.")
    ] = True,
    span: Annotated[
        str | None, typer.Option(help="The last day to read, for logs with a file a day.")
    ] = None,
    beam: Annotated[
        str | None, typer.Option(help="Where Beam jobs run, such as multiprocess or flink.")
    ] = None,
    beam_image: Annotated[
        str | None, typer.Option(help="The image of Beam's remote workers.")
    ] = None,
    beam_options: Annotated[
        list[str] | None, typer.Argument(help="After a --: Beam's own options.")
    ] = None,
) -> None:
    """Run the pipeline of CONFIG: logs to a pushed model and a report.

    Replaces the config's `beam` where any Beam option is given: srp4ctr run CONFIG --beam flink --
    --parallelism=4
    """
    with user_errors():
        from pipelines.beam import beam_config
        from pipelines.run import run_pipeline

        chosen = beam_config(beam, beam_image, beam_options or ())
        run_pipeline(config, seed=seed, enable_cache=cache, beam=chosen, span=_span(span))


def _span(text: str | None) -> int | None:
    from preprocessing.rolling import parse_span

    try:
        return None if text is None else parse_span(text)
    except ValueError:
        raise typer.BadParameter(
            f"neither a date nor a number: {text}", param_hint="--span"
        ) from None


@app.command()
def rank(
    config: ConfigPath,
    user: Annotated[str, typer.Option(help="The user's id in the log.")],
    top: Annotated[int, typer.Option(min=1, help="How many items to show.")] = 10,
    server: Annotated[
        str | None, typer.Option(help="host:port of a server; by default one is started.")
    ] = None,
) -> None:
    """Rank the catalogue for a user with the pushed model, through the gRPC client."""
    with user_errors():
        from pipelines.rank import rank_for_user

        rank_for_user(config, user, top, server)


@app.command()
def report(
    run_dir: Annotated[Path, typer.Argument(help="A run's directory, such as runs/ml_100k.")],
) -> None:
    """Write report/metrics.json and report/index.html of a finished run again."""
    with user_errors():
        from pipelines.report.write import write_report

        typer.echo(f"Report: {write_report(run_dir)}")
