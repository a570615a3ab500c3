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


class CommandsOfAllPackages(TyperGroup):
    """The commands that are defined here, and those of the other packages."""

    def list_commands(self, context: Any) -> list[str]:
        return [*super().list_commands(context), *_FUNCTIONS]

    def get_command(self, context: Any, name: str) -> Any:
        return _command(name) if name in _FUNCTIONS else super().get_command(context, name)


@functools.cache
def _command(name: str) -> Any:
    module, function, settings = _FUNCTIONS[name]
    command = getattr(importlib.import_module(module), function)

    @functools.wraps(command)
    def explained(*args: Any, **kwargs: Any) -> None:
        with user_errors():
            command(*args, **kwargs)

    app = typer.Typer(pretty_exceptions_enable=False)
    app.command(name, context_settings=settings)(explained)
    return typer.main.get_command(app)
