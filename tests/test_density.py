"""What scripts/density.py counts."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parent.parent / "scripts" / "density.py"
SOURCE = f"""# A comment.
a, b = 1, 2
c, d = divmod(7, 2)  # not a tuple that is written out
squares = [n * n for n in range(3)]
total = sum(n for n in squares)
long = "{"x" * 100}"
"""


def test_counts_are_per_thousand_lines(tmp_path: Path) -> None:
    package = tmp_path / "package"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "module.py").write_text(SOURCE + "\n" * 4)  # ten lines
    (tmp_path / "no_package").mkdir()
    (tmp_path / "no_package" / "module.py").write_text("not python")
    command = [sys.executable, str(SCRIPT), str(tmp_path)]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    header, *rows = [line.split() for line in printed.splitlines()]
    assert header[0] == "package"
    assert rows == [[name, "10", "200.0", "100.0", "100.0", "200.0"] for name in ("package", "all")]
