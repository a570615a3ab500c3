"""Arguments that several commands take, and checks of them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from preprocessing.paths import path_problem

RunFile = Annotated[Path, typer.Argument(help="A run's YAML file, such as configs/ml_100k.yaml.")]


def check_path(path: str, name: str | None = None) -> None:
    """Checks that an argument is a path or a URL.

    Args:
        path: Its value.
        name: What the command line calls it; typer knows that of a callback itself.

    Raises:
        typer.BadParameter: it is neither.
    """
    problem = path_problem(path)
    if problem:
        raise typer.BadParameter(f"{problem}.", param_hint=name)


def known_path(path: str | None) -> str | None:
    """The path or URL as it is; a callback of typer's.

    Raises:
        typer.BadParameter: it is neither.
    """
    if path is not None:
        check_path(path)
    return path


def path_here(path: Path | None) -> Path | None:
    """The path of what is written, as it is; a callback of typer's.

    Raises:
        typer.BadParameter: it is a URL, of which pathlib would make a folder here.
    """
    if path is not None and path_problem(str(path)):
        raise typer.BadParameter(f"it has to be on this machine. Received: {path}.")
    return path
