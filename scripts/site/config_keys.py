"""Writes down every key of a YAML file, as Markdown, from the pydantic models that read it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pydantic
from config_values import (
    bounds,
    choice_of,
    default_of,
    is_class_of,
    is_duration,
    kind_of_value,
    parts_of,
    used_beside,
)
from docstrings import attributes_of, summary_of

from preprocessing.choices import Choice
from preprocessing.registry import FORMAT
from preprocessing.spec_tables import Table

Model = type[pydantic.BaseModel]

_INTRODUCTION = (
    "Each key, what its value may be, and what it is where it isn't given. A key that isn't here "
    "is refused, with the nearest one that is."
)


def keys_page(title: str, root: Model) -> str:
    """A page with a section for each mapping, in the order in which a reader meets them."""
    return _KeysPage(root).render(title)


class _KeysPage:
    def __init__(self, root: Model) -> None:
        self._root = root
        self._waiting: list[tuple[str, Any]] = []
        self._met = {_anchor(root)}

    def render(self, title: str) -> str:
        lines = [f"# {title}", "", _INTRODUCTION, ""]
        lines += self._keys("", self._root, self._root.model_fields)
        headed: set[str] = set()
        while self._waiting:
            path, what = self._waiting.pop(0)
            is_choice = isinstance(what, Choice)
            heading = f"## `{path}`"
            if path in headed:
                heading += f": by `{what.key}`" if is_choice else f": {what.__name__}"
            headed.add(path)
            lines += [f"{heading} {{: #{_anchor(what)} }}", ""]
            if is_choice:
                lines += self._choice(path, what)
            else:
                lines += [summary_of(what), ""]
                lines += self._keys(path, what, what.model_fields)
        return "\n".join(lines) + "\n"

    def _choice(self, path: str, choice: Choice) -> list[str]:
        """What all of its classes have, then what each has besides."""
        models = {name: choice.options(name) for name in choice.registry}
        shared = set.intersection(*(set(model.model_fields) for model in models.values()))
        shared.discard(choice.key)
        names = ", ".join(f"`{name}`" for name in models)
        lines = [f"`{choice.key}`", f":   *One of {names}{default_of(choice)}.*", ""]
        first = next(iter(models.values()))
        lines += self._keys(path, first, [key for key in first.model_fields if key in shared])
        for name, model in models.items():
            lines += [f"### `{choice.key}: {name}`", "", summary_of(model), ""]
            own = [key for key in model.model_fields if key not in shared | {choice.key}]
            lines += self._keys(path, model, own)
        return lines

    def _keys(self, path: str, model: Model, keys: Iterable[str]) -> list[str]:
        described = attributes_of(model)
        lines = []
        for key in keys:
            if issubclass(model, Table) and key == "source":
                lines += [self._link(path, FORMAT), ":   Beside the table's own keys.", ""]
                continue
            field = model.model_fields[key]
            value = self._value(f"{path}.{key}".lstrip("."), field.annotation, field.metadata)
            lines += [f"`{key}`", f":   *{value}{bounds(field)}{default_of(field)}.*"]
            sentences = [described.get(key, ""), *used_beside(field)]
            lines += [f"    {sentence}" for sentence in sentences if sentence]
            lines.append("")
        return lines

    def _value(self, path: str, annotation: Any, metadata: Iterable[Any] = ()) -> str:
        """What a value may be; mappings are linked, and wait for a section of their own."""
        choice = choice_of(metadata)
        if choice is not None:
            return self._link(path, choice)
        if is_duration(metadata):
            return "duration, such as `6h`"
        kind, parts = parts_of(annotation)
        if kind == "marked":
            return self._value(path, parts[0], parts[1:])
        if kind == "either":
            return " or ".join(self._value(path, part) for part in parts)
        if kind == "list":
            return f"list of {self._value(path, parts[0])}"
        if kind == "mapping":
            return f"by name: {self._value(f'{path}.NAME', parts[1])}"
        if is_class_of(annotation, pydantic.BaseModel):
            return self._link(path, annotation)
        return kind_of_value(annotation)

    def _link(self, path: str, what: Any) -> str:
        anchor = _anchor(what)
        if anchor not in self._met:
            self._met.add(anchor)
            self._waiting.append((path, what))
        name = f"by `{what.key}`" if isinstance(what, Choice) else what.__name__
        return f"[{name}](#{anchor})"


def _anchor(what: Any) -> str:
    return f"by-{what.key}" if isinstance(what, Choice) else what.__name__.lower()
