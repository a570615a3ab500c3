"""How commands fail."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import typer


@contextmanager
def user_errors() -> Iterator[None]:
    """Turns errors that a user can mend into a message and an exit code.

    The code is 2 where the configuration is wrong, 1 for all else.
    """
    from pipelines.errors import explain

    try:
        yield
    except (typer.Exit, typer.BadParameter, KeyboardInterrupt):
        raise
    except Exception as error:
        message, code = explain(error)
        if message is None:
            raise
        typer.secho(f"Error: {message}", err=True, fg=typer.colors.RED)
        raise typer.Exit(code) from None
