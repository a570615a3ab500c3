"""Whether anybody still waits for what a thread of the server computes."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, TypeVar

T = TypeVar("T")
_given_up: ContextVar[threading.Event | None] = ContextVar("given_up", default=None)


def run_until_given_up(given_up: threading.Event, function: Callable[..., T], *arguments: Any) -> T:
    """Runs a function, which can ask `is_given_up` meanwhile.

    Args:
        given_up: Set when nobody waits for the function any more.
        function: What to run.
        *arguments: Its arguments.
    """
    token = _given_up.set(given_up)
    try:
        return function(*arguments)
    finally:
        _given_up.reset(token)


def is_given_up() -> bool:
    """Whether the call that this thread answers was cancelled, or its time is over."""
    given_up = _given_up.get()
    return given_up is not None and given_up.is_set()
