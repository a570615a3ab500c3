"""Options that count only beside another option: marks for fields of configurations."""

from __future__ import annotations

import dataclasses
from typing import Any

from preprocessing.hints import listed


@dataclasses.dataclass(frozen=True, init=False)
class CountsWith:
    """The option counts only where another one has one of some values, or any at all where none is named.

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
    """The option counts only where another one is not given."""

    key: str

    def holds(self, value: Any) -> bool:
        """Whether the marked option counts, where the other one is `value`."""
        return not value

    def refusal(self, name: str, value: Any) -> str:
        """What is said where the marked option is given and doesn't count."""
        return f"`{name}` doesn't count beside `{self.key}`: give one of the two."


Condition = CountsWith | CountsWithout
