"""What docs/serving.md shows is true: its Python reads, its TLS file works."""

from __future__ import annotations

import ast
import importlib
import re
import subprocess
import textwrap
from pathlib import Path

import pytest

from serving.server.config.tls import read_server_credentials
from serving.server_options import RequestLimits
from tests.serving import certificates
from trainer.config import TrainerConfig

ROOT = Path(__file__).parent.parent
DOC = (ROOT / "docs" / "serving.md").read_text(encoding="utf-8")
INDENTED = re.findall(r"(?:^ {4,}\S.*\n|^\n(?= {4,}\S))+", DOC, re.MULTILINE)
BLOCKS = [textwrap.dedent(block).strip() for block in INDENTED]
PYTHON = [block for block in BLOCKS if re.search(r"^from ", block, re.MULTILINE)]


def test_its_python_was_looked_at() -> None:
    assert len(PYTHON) >= 4


@pytest.mark.parametrize("block", PYTHON)
def test_its_python_reads_and_its_imports_exist(block: str) -> None:
    for node in ast.walk(ast.parse(block)):
        if isinstance(node, ast.ImportFrom):
            module = importlib.import_module(node.module or "")
            for alias in node.names:
                if not hasattr(module, alias.name):
                    importlib.import_module(f"{node.module}.{alias.name}")


def test_its_tls_commands_make_a_file_that_the_server_takes(tmp_path: Path) -> None:
    certificates.make(tmp_path)
    (script,) = [block for block in BLOCKS if block.startswith("pem()")]
    subprocess.run(["bash", "-euc", script], cwd=tmp_path, check=True)
    assert read_server_credentials(tmp_path / "ssl.config") is not None
    assert (tmp_path / "ssl.config").stat().st_mode & 0o077 == 0


def test_its_limits_are_the_defaults() -> None:
    limits = RequestLimits()
    export = TrainerConfig().export
    said = " ".join(DOC.split())  # wherever its lines are broken
    assert f"`--max_message_bytes` ({limits.max_message_bytes >> 20} MiB)" in said
    assert f"`trainer.export.max_candidates` ({export.max_candidates:,})" in said
    assert f"`max_history` ({export.max_history:,})" in said


@pytest.mark.parametrize("path", sorted(set(re.findall(r"(?:serving|tests)/[\w/.-]+", DOC))))
def test_its_files_exist(path: str) -> None:
    assert (ROOT / path.rstrip(".")).exists()
