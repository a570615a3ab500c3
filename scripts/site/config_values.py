"""What a key's value may be, in words, from its pydantic field."""

from __future__ import annotations

import inspect
import json
import types
import typing
from collections.abc import Iterable, Mapping
from typing import Any

import pydantic
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from preprocessing import durations
from preprocessing.choices import Choice
from preprocessing.conditions import CountsWith, CountsWithout

_WORDS = {str: "text", int: "integer", float: "number", bool: "`true` or `false`"}
_BOUNDS = {"ge": "at least", "gt": "more than", "le": "at most", "lt": "less than"}


def parts_of(annotation: Any) -> tuple[str, tuple[Any, ...]]:
    """How an annotation is put together, and of what.

    One of `marked`, `either`, `list`, `mapping` and `value`.
    """
    origin = typing.get_origin(annotation)
    parts = typing.get_args(annotation)
    if origin is typing.Annotated:
        return "marked", parts
    if origin in (typing.Union, types.UnionType):
        return "either", parts
    if origin in (tuple, list):
        return "list", parts
    if is_class_of(origin, Mapping):
        return "mapping", parts
    return "value", ()


def kind_of_value(annotation: Any) -> str:
    """In words, what a value without parts may be."""
    if annotation is type(None):
        return "`null`"
    if typing.get_origin(annotation) is typing.Literal:
        return f"one of {', '.join(f'`{value}`' for value in typing.get_args(annotation))}"
    return _WORDS.get(annotation, getattr(annotation, "__name__", str(annotation)))


def choice_of(metadata: Iterable[Any]) -> Choice | None:
    """The choice of classes that reads a value, if one does."""
    for mark in metadata:
        choice = getattr(getattr(mark, "func", None), "__self__", None)
        if isinstance(choice, Choice):
            return choice
    return None


def is_duration(metadata: Iterable[Any]) -> bool:
    """Whether a value is a length of time, such as 6h."""
    functions = [getattr(mark, "func", None) for mark in metadata]
    return any(getattr(f, "__module__", None) == durations.__name__ for f in functions)


def is_class_of(what: Any, base: type) -> bool:
    """Whether it is a class, and one of `base`."""
    return inspect.isclass(what) and issubclass(what, base)


def bounds(field: FieldInfo) -> str:
    """Such as `, at least 1`."""
    found = ""
    for mark in field.metadata:
        for name, words in _BOUNDS.items():
            bound = getattr(mark, name, None)
            if bound is not None:
                found += f", {words} {bound}"
    return found


def default_of(field: FieldInfo | Choice) -> str:
    """Such as `, by default 5`.

    Nothing where it is `null`, or a mapping, whose keys have their own.
    """
    value = field.default
    if value is PydanticUndefined and isinstance(field, FieldInfo) and field.is_required():
        return ", required"
    if value is None or value is PydanticUndefined or isinstance(value, pydantic.BaseModel):
        return ""
    if isinstance(field, FieldInfo) and is_duration(field.metadata) and isinstance(value, int):
        return f", by default `{durations.to_text(value)}`"
    written = value if isinstance(value, str) else json.dumps(value, default=str)
    return f", by default `{written}`"


def used_beside(field: FieldInfo) -> list[str]:
    """Sentences on the options that this one goes with."""
    sentences = []
    for mark in field.metadata:
        if isinstance(mark, CountsWith):
            values = " or ".join(f"`{value}`" for value in mark.values)
            sentences.append(f"Only with `{mark.key}`{f': {values}' if values else ''}.")
        if isinstance(mark, CountsWithout):
            sentences.append(f"Not beside `{mark.key}`.")
    return sentences
