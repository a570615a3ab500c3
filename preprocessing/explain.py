"""What is wrong with a configuration, in a line for each broken key."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import pydantic
from pydantic_core import ErrorDetails

from preprocessing.hints import did_you_mean, shortened

_SHOWN_CHARACTERS = 200
_MAPPINGS = ("model_type", "dict_type", "dataclass_type")  # pydantic's types of errors
# What pydantic calls the types of one entry, and of a list's.
_WORDS = {"str": "text", "bool": "true or false", "int": "a whole number", "float": "a number"}
_LISTED = {"str": "texts", "int": "whole numbers", "float": "numbers"}
_LIST = re.compile(r"(?:tuple|list)\[(\w+).*\]")
_LISTS = ("tuple_type", "list_type")
REFUSED = "refused_option"  # the type of errors whose message says all


def choice(name: str) -> str:
    """A mark for one of several types that may stand at a key, which errors don't name."""
    return f"({name})"


def _is_choice(part: str | int) -> bool:
    return isinstance(part, str) and part.startswith("(") and part.endswith(")")


def is_own(problem: ErrorDetails) -> bool:
    """Whether an error isn't merely what another one leads to.

    Of a list whose entries are wrong pydantic also says that it is too short without them.
    """
    if problem["type"] != "too_short" or not isinstance(problem["input"], (list, tuple)):
        return True
    return len(problem["input"]) < problem["ctx"]["min_length"]


def by_key(problems: Iterable[ErrorDetails]) -> list[ErrorDetails]:
    """Errors of each of the types that a key may have, such as text or a list, made one of the key.

    Where one of them says more than that a value has another type, all stay.
    """
    problems = list(problems)
    of_key: dict[tuple[int | str, ...], dict[str, ErrorDetails]] = {}
    for problem in problems:
        for place, part in enumerate(problem["loc"]):
            if _in_words(part):
                of_key.setdefault(problem["loc"][:place], {}).setdefault(str(part), problem)
    result: list[ErrorDetails] = []
    told: set[tuple[int | str, ...]] = set()
    for problem in problems:
        key = _key_of_alternatives(problem, of_key)
        if key is None:
            result.append(problem)
        elif key not in told:
            told.add(key)
            words = list(dict.fromkeys(_in_words(label) for label in of_key[key]))
            whole = min(of_key[key].values(), key=lambda one: len(one["loc"]))
            expected = f"{' or '.join(words)} is expected"
            result.append({**whole, "type": "alternatives", "loc": key, "msg": expected})
    return result


def _key_of_alternatives(
    problem: ErrorDetails, of_key: Mapping[tuple[int | str, ...], Mapping[str, ErrorDetails]]
) -> tuple[int | str, ...] | None:
    """The key that an error is of one possible type of; None if it isn't, or if it says more."""
    for place in range(len(problem["loc"])):
        alternatives = of_key.get(problem["loc"][:place], {})
        if len(alternatives) > 1:
            types = [one["type"] for one in alternatives.values()]
            if all(one.endswith(("_type", "_parsing")) for one in types):
                return problem["loc"][:place]
    return None


def _in_words(label: str | int) -> str:
    """What pydantic calls a type in the place of an error; "" of what is a key."""
    if label in _WORDS:
        return _WORDS[str(label)]
    found = _LIST.fullmatch(str(label))
    return f"a list of {_LISTED.get(found[1], found[1])}" if found else ""


def describe(source: str, model: type[pydantic.BaseModel], problem: ErrorDetails) -> str:
    """One of pydantic's errors as a line: where, which key, what is wrong.

    Args:
        source: Where the content comes from.
        model: What it should be.
        problem: One of `ValidationError.errors()`.
    """
    location = [str(part) for part in problem["loc"] if not _is_choice(part)]
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
