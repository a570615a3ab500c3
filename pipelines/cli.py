"""The console script `srp4ctr`."""

from __future__ import annotations

import sys

import typer

from pipelines.own_packages import shadowed_packages


def main() -> None:
    """Runs the command line, unless another module hides one of srp4ctr's own packages."""
    messages = shadowed_packages()
    for message in messages:
        typer.secho(f"Error: {message}", err=True, fg=typer.colors.RED)
    if messages:
        sys.exit(2)
    # Only now: the commands import those packages.
    from pipelines.app import app
    from serving.quiet import quiet_libraries

    quiet_libraries()
    app()
