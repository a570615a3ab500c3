"""The base of every configuration model, and the reader of YAML files."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Any, TypeVar

import pydantic
import yaml


class ConfigError(ValueError):
    """A configuration file is missing, malformed, or breaks a rule. The message names the file and the key."""


class Config(pydantic.BaseModel):
    """A frozen model that refuses unknown keys."""

    model_config = pydantic.ConfigDict(frozen=True, extra="forbid", protected_namespaces=())


ConfigT = TypeVar("ConfigT", bound=Config)


def load_yaml(path: str | Path, model: type[ConfigT]) -> ConfigT:
    """Reads `path` as `model`.

    Raises:
        ConfigError: the file can't be read, isn't YAML, or breaks `model`; every broken key is named.
    """
    try:
        content = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"{path}: no such file.") from None
    except IsADirectoryError:
        raise ConfigError(f"{path}: a directory, where a YAML file is expected.") from None
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigError(f"{path}: not a readable YAML file: {error}") from error
    if not isinstance(content, dict):
        found = "nothing" if content is None else type(content).__name__
        raise ConfigError(f"{path}: expected keys and values, such as `dataset:`, at the top; found {found}.")
    return validated(content, model, str(path))


def validated(content: dict[str, Any], model: type[ConfigT], source: str) -> ConfigT:
    """`content` as `model`.

    Args:
        content: Keys and values.
        model: What they should be.
        source: Where they come from, for messages.

    Raises:
        ConfigError: it breaks `model`; every broken key is named.
    """
    try:
        return model.model_validate(content)
    except pydantic.ValidationError as error:
        raise ConfigError("\n".join(_describe(source, model, problem) for problem in error.errors())) from None


def _describe(path: str, model: type[Config], problem: Any) -> str:
    location = [str(part) for part in problem["loc"]]
    key = ".".join(location) or "(top)"
    if problem["type"] == "extra_forbidden":
        nearest = difflib.get_close_matches(location[-1], sorted(_known_keys(model, location[:-1])), n=1)
        hint = f" Did you mean '{nearest[0]}'?" if nearest else ""
        return f"{path}: {key}: unknown key.{hint}"
    if problem["type"] == "missing":
        return f"{path}: {key}: this key is missing."
    return f"{path}: {key}: {problem['msg'].removeprefix('Value error, ')}. Received: {problem['input']!r}"


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
    field = _fields(annotation).get(part)
    if field is not None:
        return _flatten(field.annotation)
    arguments = getattr(annotation, "__args__", ())
    return [inner for argument in arguments for inner in _flatten(argument)]


def _flatten(annotation: Any) -> list[Any]:
    arguments = getattr(annotation, "__args__", ())
    return [annotation] + [inner for argument in arguments for inner in _flatten(argument)]
