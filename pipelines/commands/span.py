"""The option `--span` of several commands."""

from __future__ import annotations

from typing import Annotated

import typer

Span = Annotated[str | None, typer.Option(help="The last day to read, for logs with a file a day.")]


def span_number(text: str | None) -> int | None:
    """The number of the day that `--span` names; None where it wasn't given.

    Raises:
        typer.BadParameter: it is neither a date nor a number.
    """
    from preprocessing.rolling import parse_span

    if text is None:
        return None
    try:
        return parse_span(text)
    except ValueError:
        raise typer.BadParameter(
            f"neither a date nor the number of one: {text}", param_hint="--span"
        ) from None
