"""Sections as one self-contained HTML page."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jinja2

from pipelines.report.blocks import Section

_BEFORE_UNIT = re.compile(r"(?<=\d) (?=(?:%|s|min|h|points|kB|MB)(?:\W|$))")


def page_of(kind: str, name: str, sections: Sequence[Section]) -> str:
    """A page that fetches nothing.

    Its style, its pictures (SVG) and what sorts its tables are inside.

    Args:
        kind: What the page is.
        name: What it is about.
        sections: Its parts. All text is escaped.
    """
    folder = Path(__file__).parent
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(folder),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_keep_units,
    )
    # The page's Content-Security-Policy allows this script alone, by its hash. The line break is
    # the template's, before the script.
    script = f"\n{(folder / 'page.js').read_text()}"
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    style = (folder / "page.css").read_text()
    return environment.get_template("page.html").render(
        kind=kind, name=name, sections=sections, style=style, script=script, script_hash=digest
    )


def _keep_units(value: Any) -> Any:
    """Text whose lines don't break between a number and its unit."""
    if not isinstance(value, str):
        return value
    return type(value)(_BEFORE_UNIT.sub("\N{NO-BREAK SPACE}", value))  # Markup stays Markup
