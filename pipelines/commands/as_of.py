"""The option `--as-of` of several commands."""

from __future__ import annotations

import time
from typing import Any

import typer


def as_of_option(whose: str) -> Any:
    """The option, of whose time it is, such as "the table"."""
    return typer.Option(
        metavar="TIME",
        help=f"The time of {whose}, which later events are left out of: `now`; `last`, just after "
        "the log's last event, for a log that ended long ago; or seconds since 1970.",
    )


def as_of_seconds(text: str) -> int | None:
    """The seconds since 1970 that `--as-of` names; None for just after the log's last event.

    Raises:
        typer.BadParameter: it names none.
    """
    if text == "now":
        return int(time.time())
    if text == "last":
        return None
    if text.isdecimal():
        return int(text)
    raise typer.BadParameter(
        f"neither now, nor last, nor seconds since 1970: {text}", param_hint="--as-of"
    )
