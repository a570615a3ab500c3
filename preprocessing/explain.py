"""What is wrong with a configuration, in a line for each broken key."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pydantic

from preprocessing.hints import did_you_mean

_SHOWN_CHARACTERS = 200
REFUSED = "refused_option"  # the type of errors whose message says all


def describe(source: str, model: type[pydantic.BaseModel], problem: Any) -> str:
    """One of pydantic's errors as a line: where, which key, what is wrong.

    Args:
        source: Where the content comes from.
        model: What it should be.
        problem: One of `ValidationError.errors()`.
    """
    location = [str(part) for part in problem["loc"]]
    key = ".".join(location) or "(top)"
    if problem["type"] == "extra_forbidden":
        return f"{source}: {key}: unknown key.{did_you_mean(location[-1], _known_keys(model, location[:-1]))}"
    if problem["type"] == REFUSED:
        return f"{source}: {key}: {problem['msg']}"
    if problem["type"] == "missing":
        return f"{source}: {key}: this key is missing."
    message = f"{source}: {key}: {problem['msg'].removeprefix('Value error, ')}"
    if problem["type"] == "value_error" and isinstance(problem["input"], Mapping):
        return (
            message if message.endswith(".") else f"{message}."
        )  # it says what was received of all that is there
    received = repr(problem["input"])
    return f"{message}. Received: {received[:_SHOWN_CHARACTERS]}{'...' if len(received) > _SHOWN_CHARACTERS else ''}"


def _known_keys(model: Any, location: list[str]) -> set[str]:
    """The field names at `location` inside `model`, looking through optionals, unions and mappings."""
    candidates = [model]
    for part in location:
        candidates = [inner for outer in candidates for inner in _step(outer, part)]
    return {name for candidate in candidates for name in _fields(candidate)}


def _fields(annotation: Any) -> dict[str, Any]:
    is_model = isinstance(annotation, type) and issubclass(annotation, pydantic.BaseModel)
    return dict(annotation.model_fields) if is_model else {}


def _step(annotation: Any, part: str) -> list[Any]:
    for one in _with_subclasses(annotation):
        field = _fields(one).get(part)
        if field is not None:
            return _flatten(field.annotation)
    arguments = getattr(annotation, "__args__", ())
    return [inner for argument in arguments for inner in _flatten(argument)]


def _with_subclasses(annotation: Any) -> list[Any]:
    """A class and what is made of it: where several classes may stand, their base is declared."""
    inner = annotation.__subclasses__() if _fields(annotation) else []
    return [annotation] + [one for outer in inner for one in _with_subclasses(outer)]


def _flatten(annotation: Any) -> list[Any]:
    arguments = getattr(annotation, "__args__", ())
    return [annotation] + [inner for argument in arguments for inner in _flatten(argument)]
