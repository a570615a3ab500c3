"""Marks for options that have an effect only together with another option, or only without it.

`Config` refuses a marked option that is given where it would be ignored.
"""

from __future__ import annotations

import dataclasses
from typing import Any

from preprocessing.hints import listed


@dataclasses.dataclass(frozen=True, init=False)
class CountsWith:
    """The option has an effect only where another option has one of some values.

    Without values, it has one wherever the other option is given.

    Example:
        query_tokens: Annotated[int, CountsWith("transfer", "attention")] = 4
    """

    key: str
    values: tuple[Any, ...]

    def __init__(self, key: str, *values: Any) -> None:
        object.__setattr__(self, "key", key)
        object.__setattr__(self, "values", values)

    def holds(self, value: Any) -> bool:
        """Whether the marked option counts, where the other one is `value`."""
        return value in self.values if self.values else bool(value)

    def refusal(self, name: str, value: Any) -> str:
        """What is said where the marked option is given and doesn't count."""
        if not self.values:
            return f"`{name}` counts only beside `{self.key}`, which isn't given."
        return f"`{name}` is an option of {self.key} {listed(self.values)}, not of {value}."


@dataclasses.dataclass(frozen=True)
class CountsWithout:
    """The option has an effect only where another one is not given."""

    key: str

    def holds(self, value: Any) -> bool:
        """Whether the marked option counts, where the other one is `value`."""
        return not value

    def refusal(self, name: str, value: Any) -> str:
        """What is said where the marked option is given and doesn't count."""
        return f"`{name}` doesn't count beside `{self.key}`: give one of the two."


Condition = CountsWith | CountsWithout
