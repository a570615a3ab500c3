"""The base of every configuration model, and the reader of YAML files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

import pydantic
import yaml
from pydantic_core import PydanticCustomError

from preprocessing.conditions import Condition, CountsWith, CountsWithout
from preprocessing.explain import REFUSED, by_key, describe, is_own
from preprocessing.truth_values import check_number
from preprocessing.yaml_text import RepeatedKeyError, parse_yaml

ConfigT = TypeVar("ConfigT", bound="Config")
# A validation context for what an earlier version wrote beside its artifacts: it wrote every option
# of every kind, and what it ignored is left out rather than refused.
SAVED = {"saved": True}


class ConfigError(ValueError):
    """A configuration is missing, malformed, or breaks a rule; the message names file and key."""


class Config(pydantic.BaseModel):
    """A frozen model that refuses unknown keys, and options that would have no effect.

    The latter are marked as preprocessing/conditions.py says. Numbers aren't given as truth values.
    """

    model_config = pydantic.ConfigDict(frozen=True, extra="forbid", protected_namespaces=())

    @pydantic.field_validator("*", mode="before")
    @classmethod
    def _refuse_truth_values_as_numbers(cls, value: Any, info: pydantic.ValidationInfo) -> Any:
        assert info.field_name is not None
        check_number(value, cls.model_fields[info.field_name].annotation)
        return value

    @pydantic.model_validator(mode="after")
    def _refuse_what_does_not_count(self: ConfigT, info: pydantic.ValidationInfo) -> ConfigT:
        if is_saved(info):
            return self
        for name, condition in self._not_counting():
            if name in self.model_fields_set:
                message = condition.refusal(name, getattr(self, condition.key))
                raise PydanticCustomError(REFUSED, "{message}", {"message": message})
        return self

    @pydantic.model_serializer(mode="wrap")
    def _leave_out_what_does_not_count(
        self, write: pydantic.SerializerFunctionWrapHandler
    ) -> dict[str, Any]:
        content: dict[str, Any] = write(self)
        for name, _ in self._not_counting():
            content.pop(name, None)
        return self._as_written(content)

    def _as_written(self, content: dict[str, Any]) -> dict[str, Any]:
        """What is written of the fields; for subclasses that are written in another shape."""
        return content

    def _not_counting(self) -> Iterator[tuple[str, Condition]]:
        """The options that have no effect as the others are, and why."""
        for name, field in type(self).model_fields.items():
            for mark in field.metadata:
                is_condition = isinstance(mark, (CountsWith, CountsWithout))
                if is_condition and not mark.holds(getattr(self, mark.key)):
                    yield name, mark


def is_saved(info: pydantic.ValidationInfo) -> bool:
    """Whether what is validated was written by an earlier run."""
    return bool((info.context or {}).get("saved"))


def changed(config: ConfigT, changes: Mapping[str, Any]) -> ConfigT:
    """`config` with some changes, which are nested as it is.

    Options that have no effect any more are left out, unless the changes themselves have them.

    Raises:
        pydantic.ValidationError: the changes say what can't be, or what has no effect.
    """
    model = type(config)
    # Read as saved first, which leaves out what the changes make idle; then strictly, so that the
    # changes themselves have nothing idle.
    kept = model.model_validate(merge(config.model_dump(mode="json"), changes), context=SAVED)
    return model.model_validate(merge(kept.model_dump(mode="json"), changes))


def merge(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """`base` with `changes`, mapping by mapping."""
    merged = dict(base)
    for key, value in changes.items():
        both = isinstance(value, Mapping) and isinstance(merged.get(key), Mapping)
        merged[key] = merge(merged[key], value) if both else value
    return merged


def differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """What differs of two nested mappings: both values by key, such as `trainer.encoder.dim`.

    One that only one of them has is None in the other.
    """
    found: dict[str, tuple[Any, Any]] = {}
    for key in (*before, *(key for key in now if key not in before)):
        old = before.get(key)
        new = now.get(key)
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            for inner, values in differences(old, new).items():
                found[f"{key}.{inner}"] = values
        elif old != new:
            found[key] = (old, new)
    return found


def load_yaml(path: str | Path, model: type[ConfigT]) -> ConfigT:
    """Reads `path` as `model`.

    Raises:
        ConfigError: as `read_mapping`, or the file breaks `model`; every broken key is named.
    """
    return validated(read_mapping(path), model, str(path))


def read_mapping(path: str | Path) -> dict[str, Any]:
    """The keys and values of a YAML file.

    Raises:
        ConfigError: the file can't be read, isn't YAML, has a key twice, or has something else at
            the top.
    """
    try:
        content = parse_yaml(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"{path}: no such file.") from None
    except IsADirectoryError:
        raise ConfigError(f"{path}: a directory, where a YAML file is expected.") from None
    except RepeatedKeyError as error:
        raise ConfigError(f"{path}: {error}") from None
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigError(f"{path}: not a readable YAML file: {error}") from error
    if not isinstance(content, dict):
        found = "nothing" if content is None else type(content).__name__
        raise ConfigError(
            f"{path}: expected keys and values, such as `dataset:`, at the top; found {found}."
        )
    return content


def validated(
    content: dict[str, Any], model: type[ConfigT], source: str, saved: bool = False
) -> ConfigT:
    """`content` as `model`.

    Args:
        content: Keys and values.
        model: What they should be.
        source: Where they come from, for messages.
        saved: Whether a run wrote them, maybe one of an earlier version.

    Raises:
        ConfigError: it breaks `model`; every broken key is named.
    """
    try:
        return model.model_validate(content, context=SAVED if saved else None)
    except pydantic.ValidationError as error:
        raise explained(error, model, source) from None


def explained(error: pydantic.ValidationError, model: type[Config], source: str) -> ConfigError:
    """What is wrong with a configuration that comes from `source`, one line per broken key."""
    problems = by_key(filter(is_own, error.errors()))
    return ConfigError("\n".join(describe(source, model, problem) for problem in problems))
