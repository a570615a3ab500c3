"""The options of `srp4ctr run`."""

from __future__ import annotations

from typing import Annotated

import typer

from pipelines.commands.arguments import RunFile
from pipelines.commands.errors import user_errors
from pipelines.commands.span import Span, span_number


def run(
    config: RunFile,
    seed: Annotated[int | None, typer.Option(help="Replaces trainer.seed.")] = None,
    cache: Annotated[
        bool, typer.Option(help="Reuse finished components whose inputs have not changed.")
    ] = True,
    span: Span = None,
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

    Any Beam option given here replaces the whole of the config's `beam`, as in:

    srp4ctr run CONFIG --beam flink -- --parallelism=4
    """
    with user_errors():
        from pipelines.beam import beam_config
        from pipelines.commands.run.run_pipeline import run_pipeline

        chosen = beam_config(beam, beam_image, beam_options or ())
        run_pipeline(config, seed=seed, enable_cache=cache, beam=chosen, span=span_number(span))
