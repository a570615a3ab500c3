"""The options of `srp4ctr rollback`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipelines.commands.errors import user_errors


def rollback(
    config: Annotated[Path, typer.Argument(help="The YAML file whose runs pushed the versions.")],
) -> None:
    """Take the newest pushed version of CONFIG back.

    The version before is served, and later runs compare with it.
    """
    with user_errors():
        from pipelines.commands.rollback.roll_back import roll_back
        from pipelines.config import load_run_config

        withdrawn, served = roll_back(load_run_config(config))
        typer.echo(f"Took back version {withdrawn}; the newest is {served} now.")
