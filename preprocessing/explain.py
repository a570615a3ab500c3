"""What is wrong with a configuration, in a line for each broken key."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pydantic
from pydantic_core import ErrorDetails

from preprocessing.hints import did_you_mean, shortened

_SHOWN_CHARACTERS = 200
_MAPPINGS = ("model_type", "dict_type", "dataclass_type")  # pydantic's types of errors
_LISTS = ("tuple_type", "list_type")
REFUSED = "refused_option"  # the type of errors whose message says all


def is_own(problem: ErrorDetails) -> bool:
    """Whether an error isn't merely what another one leads to.

    Of a list whose entries are wrong pydantic also says that it is too short without them.
    """
    if problem["type"] != "too_short" or not isinstance(problem["input"], (list, tuple)):
        return True
    return len(problem["input"]) < problem["ctx"]["min_length"]


def describe(source: str, model: type[pydantic.BaseModel], problem: ErrorDetails) -> str:
    """One of pydantic's errors as a line: where, which key, what is wrong.

    Args:
        source: Where the content comes from.
        model: What it should be.
        problem: One of `ValidationError.errors()`.
    """
    location = [str(part) for part in problem["loc"]]
    key = ".".join(location) or "(top)"
    if problem["type"] == "extra_forbidden":
        hint = did_you_mean(location[-1], _known_keys(model, location[:-1]))
        return f"{source}: {key}: unknown key.{hint}"
    if problem["type"] == REFUSED:
        return f"{source}: {key}: {problem['msg']}"
    if problem["type"] == "missing":
        return f"{source}: {key}: this key is missing."
    if problem["type"] in _MAPPINGS and problem["input"] is None:
        return (
            f"{source}: {key}: nothing follows this key, where keys and values are expected: write "
            "{} for the defaults, or leave it out."
        )
    if problem["type"] in _LISTS:
        received = shortened(repr(problem["input"]), _SHOWN_CHARACTERS)
        if isinstance(problem["input"], str):
            return f"{source}: {key}: a list is expected: write [{problem['input']}]."
        return f"{source}: {key}: a list is expected, such as [a, b]. Received: {received}"
    message = f"{source}: {key}: {problem['msg'].removeprefix('Value error, ')}"
    if problem["type"] == "value_error" and isinstance(problem["input"], Mapping):
        # A check of a whole section: its message says itself what was received.
        return message if message.endswith(".") else f"{message}."
    received = shortened(repr(problem["input"]), _SHOWN_CHARACTERS)
    return f"{message}. Received: {received}"


def types_in(annotation: Any) -> list[Any]:
    """A type, and after it all types inside it, such as those of a union."""
    found = [annotation]
    for argument in getattr(annotation, "__args__", ()):
        found += types_in(argument)
    return found


def _known_keys(model: Any, location: list[str]) -> set[str]:
    """The field names at `location` inside `model`; optionals, unions and mappings are opened."""
    candidates = [model]
    for part in location:
        inner: list[Any] = []
        for candidate in candidates:
            inner += _step(candidate, part)
        candidates = inner
    known: set[str] = set()
    for candidate in candidates:
        known |= set(_fields(candidate))
    return known


def _fields(annotation: Any) -> dict[str, Any]:
    """The fields of a model by name; none of anything else."""
    is_model = isinstance(annotation, type) and issubclass(annotation, pydantic.BaseModel)
    return dict(annotation.model_fields) if is_model else {}


def _step(annotation: Any, part: str) -> list[Any]:
    """The types that may stand at `part` of something that is annotated so."""
    for one in _with_subclasses(annotation):
        field = _fields(one).get(part)
        if field is not None:
            return types_in(field.annotation)
    return types_in(annotation)[1:]


def _with_subclasses(annotation: Any) -> list[Any]:
    """A class and its subclasses: where several classes may stand, their base is declared."""
    found = [annotation]
    if _fields(annotation):
        for subclass in annotation.__subclasses__():
            found += _with_subclasses(subclass)
    return found
