"""Shows what stands under `Example:` in docstrings as code; griffe would take it for prose."""

from __future__ import annotations

import re
import textwrap
from typing import Any

import griffe

_EXAMPLE = re.compile(r"^( *)Examples?:\n((?:\1 +.*\n|[ \t]*\n)+)", re.MULTILINE)


class ExampleCode(griffe.Extension):
    """For `extensions` of mkdocstrings' Python handler."""

    def on_instance(self, *, obj: griffe.Object, **_: Any) -> None:
        """Rewrites an object's docstring."""
        if obj.docstring is not None:
            text = obj.docstring.value.rstrip() + "\n"
            obj.docstring.value = _EXAMPLE.sub(_fenced, text)


def _fenced(found: re.Match[str]) -> str:
    margin = found.group(1)
    code = textwrap.dedent(found.group(2)).strip("\n")
    block = f"```{_language(code)}\n{code}\n```"
    return f"{margin}**Example**\n\n{textwrap.indent(block, margin)}\n\n"


def _language(code: str) -> str:
    if code.startswith(">>>"):
        return "pycon"
    return "yaml" if re.match(r"\w+:", code) else "python"
