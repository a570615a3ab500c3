"""Configurations of several shapes, each with options of its own, told apart by one key."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Generic

import pydantic
from pydantic_core import InitErrorDetails, PydanticCustomError

from preprocessing.config import SAVED, ConfigT, is_saved
from preprocessing.explain import REFUSED
from preprocessing.hints import did_you_mean, listed


@dataclasses.dataclass(frozen=True)
class Choice(Generic[ConfigT]):
    """A union of configuration classes that a registry names.

    Each class is imported when a name first needs it.

    Attributes:
        key: The key whose value says which class it is.
        registry: The names, such as `categorical`.
        options: The class of a name, whose fields are the options.
        default: What it is where the key isn't given; None where it must be.
    """

    key: str
    registry: Mapping[str, Any]
    options: Callable[[str], type[ConfigT]]
    default: str | None = None

    def read(self, content: Any, info: pydantic.ValidationInfo) -> Any:
        """Reads content as the class that it names; for pydantic.BeforeValidator.

        What is no mapping stays as it is.
        """
        return self.of(content, is_saved(info)) if isinstance(content, Mapping) else content

    def of(
        self, content: Mapping[str, Any], saved: bool = False, beside: Iterable[str] = ()
    ) -> ConfigT:
        """Reads content as the class that it names.

        Args:
            content: Keys and values.
            saved: Whether a run wrote it: then options of other classes are left out.
            beside: Keys that the same mapping may have, which aren't in `content`.

        Raises:
            pydantic.ValidationError: a key is unknown, or is an option of others, which are named;
            or a value is wrong.
        """
        name = self._name(content)
        options = self.options(name)
        foreign = [key for key in content if key not in options.model_fields]
        problems = []
        for key in foreign:
            owners = self._owners(key)
            if not (owners and saved):
                known = [*options.model_fields, *beside]
                problems.append(
                    _problem(key, content[key], self._refusal(key, name, owners, known))
                )
        if problems:
            raise pydantic.ValidationError.from_exception_data(options.__name__, problems)
        own = {key: value for key, value in content.items() if key not in foreign}
        return options.model_validate(own | {self.key: name}, context=SAVED if saved else None)

    def _name(self, content: Mapping[str, Any]) -> str:
        name = content.get(self.key, self.default)
        if isinstance(name, str) and name in self.registry:
            return name
        if name is None:
            message = "this key is missing."
        else:
            hint = did_you_mean(str(name), self.registry)
            message = f"must be one of {', '.join(self.registry)}.{hint} Received: {name!r}"
        raise pydantic.ValidationError.from_exception_data(
            "Choice", [_problem(self.key, name, message)]
        )

    def _owners(self, key: str) -> list[str]:
        return [name for name in self.registry if key in self.options(name).model_fields]

    def _refusal(self, key: str, name: str, owners: list[str], known: list[str]) -> str:
        if owners:
            return f"`{key}` is an option of {self.key} {listed(owners)}, not of {name}."
        return f"unknown key.{did_you_mean(key, known)}"


def _problem(key: str, value: Any, message: str) -> InitErrorDetails:
    error = PydanticCustomError(REFUSED, "{message}", {"message": message})
    return InitErrorDetails(type=error, loc=(key,), input=value)
