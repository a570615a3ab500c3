"""Every module's one line: the first of its docstring, by package and folder.

python scripts/site/modules.py    # as Markdown, from a checkout
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
PACKAGES = ("preprocessing", "trainer", "serving", "pipelines")


def modules_page(root: Path = ROOT) -> str:
    """A page with a section for each folder that has modules."""
    lines = [
        "# Modules",
        "",
        "Every module, and the first line of its docstring. [Architecture](architecture.md) says",
        "how the packages stand to each other.",
        "",
    ]
    for package in PACKAGES:
        for folder in _folders(root / package):
            name = folder.relative_to(root).as_posix()
            lines += [f"## `{name}/`", "", _first_line(folder / "__init__.py"), ""]
            for path in sorted(folder.glob("*.py")):
                if path.name != "__init__.py":
                    lines.append(f"- `{path.name}`: {_first_line(path)}")
            lines.append("")
    return "\n".join(lines)


def _folders(package: Path) -> Iterator[Path]:
    for init in sorted(package.rglob("__init__.py")):
        yield init.parent


def _first_line(path: Path) -> str:
    """The docstring's first paragraph, in one line.

    Raises:
        ValueError: the module has none.
    """
    text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    if not text:
        raise ValueError(f"{path}: a module says at its top what it is for, and this one doesn't")
    return " ".join(text.split("\n\n")[0].split())


if __name__ == "__main__":
    print(modules_page())
