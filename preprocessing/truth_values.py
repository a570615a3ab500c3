"""Truth values where a number is meant: Python and pydantic take `yes` for 1."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic_core import PydanticCustomError

from preprocessing.explain import types_in


def check_number(value: Any, annotation: Any) -> None:
    """Checks that an option for numbers isn't given a truth value, alone or in a list.

    Args:
        value: What is given.
        annotation: The option's type.

    Raises:
        PydanticCustomError: it is.
    """
    if not _has_truth_value(value):
        return
    types = types_in(annotation)
    takes_numbers = int in types or float in types
    takes_truth_values = bool in types or Any in types
    if takes_numbers and not takes_truth_values:
        raise PydanticCustomError(
            "truth_value",
            "a number is expected, and YAML reads yes, no, on, off, true and false as truth values",
        )


def _has_truth_value(value: Any) -> bool:
    if isinstance(value, (list, tuple)):
        return any(map(_has_truth_value, value))
    if isinstance(value, Mapping):
        return any(map(_has_truth_value, value.values()))
    return isinstance(value, bool)
