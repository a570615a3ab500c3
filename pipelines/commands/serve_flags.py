"""The flags of `srp4ctr serve` that stand for a field of ServerOptions each."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, NamedTuple

import annotated_types
import typer
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from serving.server_options import (
    Flag,
    ModelOptions,
    NetworkOptions,
    RequestLimits,
    RuntimeOptions,
)

_GROUPS: dict[str, type[BaseModel]] = {
    "models": ModelOptions,
    "runtime": RuntimeOptions,
    "network": NetworkOptions,
    "limits": RequestLimits,
}


class _FlaggedField(NamedTuple):
    """An option, and the flag that sets it."""

    group: str
    option: str
    field: FieldInfo
    flag: Flag

    @property
    def name(self) -> str:
        """The flag without its dashes."""
        return self.flag.name or self.option


def flag_parameters() -> list[inspect.Parameter]:
    """A typer parameter for each option that has a flag, named after the flag."""
    return [_parameter(flagged) for flagged in _flagged_fields()]


def options_by_group(given: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """What the flags were given, as the options' values: group -> option -> value.

    Args:
        given: Value by parameter, as typer calls the command.
    """
    found: dict[str, dict[str, Any]] = {group: {} for group in _GROUPS}
    for flagged in _flagged_fields():
        value = given[flagged.name]
        if flagged.flag.units > 1:
            value = value / flagged.flag.units
        found[flagged.group][flagged.option] = value
    return found


def _flagged_fields() -> Iterator[_FlaggedField]:
    for group, options in _GROUPS.items():
        for option, field in options.model_fields.items():
            for extra in field.metadata:
                if isinstance(extra, Flag):
                    yield _FlaggedField(group, option, field, extra)


def _parameter(flagged: _FlaggedField) -> inspect.Parameter:
    kind = flagged.field.annotation
    default = flagged.field.default
    if flagged.flag.units > 1:
        # A flag in a small unit takes whole numbers of it.
        kind = int
        default = round(default * flagged.flag.units)
    names = f"--{flagged.name}"
    if default is True:
        names += f"/--no-{flagged.name}"
    option = typer.Option(names, help=flagged.flag.help, min=_least(flagged.field))
    return inspect.Parameter(
        flagged.name,
        inspect.Parameter.KEYWORD_ONLY,
        default=default,
        annotation=Annotated[kind, option],
    )


def _least(field: FieldInfo) -> float | None:
    for constraint in field.metadata:
        if isinstance(constraint, annotated_types.Ge):
            return constraint.ge  # type: ignore[return-value] # a number, for these options
    return None
