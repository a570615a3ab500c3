"""Commands whose code is in other packages, which are imported when a command is asked for."""

from __future__ import annotations

import functools
import importlib
import shlex
from typing import Any

import typer
from typer.core import TyperGroup

from pipelines.commands.arguments import check_path
from pipelines.commands.errors import user_errors
from pipelines.commands.model_server_flags import ModelServerCommand

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
# Their parameters that are paths or URLs; precompute checks its own.
_PATHS = {
    "train": (
        "examples",
        "transform",
        "model_dir",
        "encoder",
        "start_from",
        "backup_dir",
        "tensorboard_dir",
        "train_data",
        "validation_data",
    ),
    "precompute": (),
    "rollout": ("source", "target"),
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

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Refuses empty arguments, which are what unset variables leave, of all commands."""
        name, command, rest = super().resolve_command(ctx, args)
        # Empty flags are tensorflow_model_server's way to leave them out.
        may_be_empty = isinstance(command, ModelServerCommand)
        for place, argument in enumerate(rest):
            is_option = argument.startswith("--") and argument.endswith("=")
            if not argument or (is_option and not may_be_empty):
                before = shlex.join([str(name), *rest[: place + 1]])
                raise typer.BadParameter(
                    f"the last of these is empty, as an unset variable would leave it: {before}"
                )
        return name, command, rest


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
        for parameter in _PATHS[name]:
            # Where a variable of the environment is empty, an option isn't given.
            if kwargs[parameter]:
                check_path(kwargs[parameter], parameter)
        with user_errors():
            command(*args, **kwargs)

    # Completion is an option of srp4ctr itself.
    app = typer.Typer(pretty_exceptions_enable=False, add_completion=False)
    app.command(name, context_settings=settings)(explained)
    return typer.main.get_command(app)
