"""What classes and modules say of themselves."""

from __future__ import annotations

import inspect
import textwrap

import griffe


def summary_of(what: type) -> str:
    """A class's docstring up to its first section."""
    text = inspect.getdoc(what) if "__doc__" in vars(what) else ""
    for section in griffe.Docstring(text or "").parse("google"):
        if section.kind is griffe.DocstringSectionKind.text:
            return str(section.value)
    return ""


def attributes_of(model: type) -> dict[str, str]:
    """What the docstrings of a class and its bases say of each attribute, in one line."""
    found: dict[str, str] = {}
    for base in reversed(model.__mro__):
        if not vars(base).get("__doc__"):
            continue
        for section in griffe.Docstring(inspect.cleandoc(base.__doc__ or "")).parse("google"):
            if section.kind is griffe.DocstringSectionKind.attributes:
                for attribute in section.value:
                    found[attribute.name] = " ".join(textwrap.dedent(attribute.description).split())
    return found
