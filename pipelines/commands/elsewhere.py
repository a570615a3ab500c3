"""Commands whose code is in other packages, which are imported when a command is asked for."""

from __future__ import annotations

import functools
import importlib
from typing import Any

import typer
from typer.core import TyperGroup

from pipelines.commands.errors import user_errors

# The function of each, and what its command takes besides its parameters.
_FUNCTIONS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "train": ("trainer.task", "task", {}),
    "precompute": (
        "serving.precompute.command",
        "precompute",
        # What isn't one of its options is one of Beam's.
        {"allow_extra_args": True, "ignore_unknown_options": True},
    ),
    "rollout": ("serving.rollout", "roll_out", {}),
}


# Who is new needs these, in this order; --help lists them before all others.
_FIRST = ("data", "run", "rank", "tour", "compare", "serve")


class CommandsOfAllPackages(TyperGroup):
    """The commands that are defined here, and those of the other packages."""

    def list_commands(self, context: Any) -> list[str]:
        names = [*super().list_commands(context), *_FUNCTIONS]
        others = [name for name in names if name not in _FIRST]
        return [*_FIRST, *others]

    def get_command(self, context: Any, name: str) -> Any:
        command = _command(name) if name in _FUNCTIONS else super().get_command(context, name)
        if command is not None and command.help:
            command.help = _unwrapped(command.help)
        return command


def _unwrapped(text: str) -> str:
    """Paragraphs of one line each: typer keeps the line breaks of all but the first."""
    paragraphs = [" ".join(paragraph.split()) for paragraph in text.split("\n\n")]
    return "\n\n".join(paragraphs)


@functools.cache
def _command(name: str) -> Any:
    module, function, settings = _FUNCTIONS[name]
    command = getattr(importlib.import_module(module), function)

    @functools.wraps(command)
    def explained(*args: Any, **kwargs: Any) -> None:
        with user_errors():
            command(*args, **kwargs)

    # Completion is an option of srp4ctr itself.
    app = typer.Typer(pretty_exceptions_enable=False, add_completion=False)
    app.command(name, context_settings=settings)(explained)
    return typer.main.get_command(app)
