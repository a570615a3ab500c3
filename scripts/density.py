"""Counts how dense the code of each package is, per 1,000 lines; a table to look at, not a gate.

    python scripts/density.py              # this checkout
    python scripts/density.py ../other     # another tree, such as an earlier commit's

Comprehensions count generator expressions, too. A tuple assignment is `a, b = x, y`. A comment is a
line that has one, whether or not it has code before it.
"""

from __future__ import annotations

import ast
import io
import sys
import tokenize
from dataclasses import dataclass
from pathlib import Path

LONG = 100  # columns
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
HEADER = ("package", "lines", "comprehensions", "tuple assignments", "over 100 columns", "comments")


@dataclass
class Density:
    """What was counted in a number of files."""

    lines: int = 0
    comprehensions: int = 0
    tuple_assignments: int = 0
    long_lines: int = 0
    comments: int = 0

    def add_file(self, text: str) -> None:
        """Counts one file's source."""
        lines = text.splitlines()
        self.lines += len(lines)
        self.long_lines += sum(len(line) > LONG for line in lines)
        for node in ast.walk(ast.parse(text)):
            self.comprehensions += isinstance(node, COMPREHENSIONS)
            self.tuple_assignments += is_tuple_assignment(node)
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            self.comments += token.type == tokenize.COMMENT

    def add(self, other: Density) -> None:
        """Adds another's counts."""
        self.lines += other.lines
        self.comprehensions += other.comprehensions
        self.tuple_assignments += other.tuple_assignments
        self.long_lines += other.long_lines
        self.comments += other.comments

    def row(self, name: str) -> tuple[str, ...]:
        """The cells of the table: lines as they are, the rest per 1,000 of them."""
        counts = (
            self.comprehensions,
            self.tuple_assignments,
            self.long_lines,
            self.comments,
        )
        per_thousand = [f"{1000 * count / max(1, self.lines):.1f}" for count in counts]
        return (name, str(self.lines), *per_thousand)


def is_tuple_assignment(node: ast.AST) -> bool:
    """Whether a statement gives several names their values, each written out."""
    if not isinstance(node, ast.Assign) or not isinstance(node.value, ast.Tuple):
        return False
    return any(isinstance(target, ast.Tuple) for target in node.targets)


def package_density(folder: Path) -> Density:
    """Of all Python files below a folder."""
    density = Density()
    for path in sorted(folder.rglob("*.py")):
        density.add_file(path.read_text(encoding="utf-8"))
    return density


def main(tree: Path) -> None:
    """Prints a line for each package of a tree, and one for all of them."""
    rows: list[tuple[str, ...]] = [HEADER]
    everything = Density()
    for init in sorted(tree.glob("*/__init__.py")):
        density = package_density(init.parent)
        everything.add(density)
        rows.append(density.row(init.parent.name))
    rows.append(everything.row("all"))
    widths = [len(title) for title in HEADER]
    widths[0] = max(len(row[0]) for row in rows)
    for name, *cells in rows:
        padded = [cell.rjust(width) for cell, width in zip(cells, widths[1:], strict=True)]
        print(name.ljust(widths[0]), *padded, sep="  ")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent.parent)
