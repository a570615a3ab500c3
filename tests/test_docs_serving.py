"""What docs/serving.md shows is true: its commands and options exist, its Python reads, its TLS file works."""

from __future__ import annotations

import ast
import importlib
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pipelines.cli import app
from serving.server.config.tls import read_server_credentials
from serving.server.options import RequestLimits
from tests.serving import certificates
from trainer.config import TrainerConfig

ROOT = Path(__file__).parent.parent
DOC = (ROOT / "docs" / "serving.md").read_text(encoding="utf-8")
INDENTED = re.findall(r"(?:^ {4,}\S.*\n|^\n(?= {4,}\S))+", DOC, re.MULTILINE)
BLOCKS = [textwrap.dedent(block).strip() for block in INDENTED]
PYTHON = [block for block in BLOCKS if re.search(r"^from ", block, re.MULTILINE)]
COMMANDS = [line for block in BLOCKS for line in block.replace("\\\n", "").splitlines()]
MODULES = [line for line in COMMANDS if "python -m serving." in line]
OURS = [line for line in COMMANDS if line.startswith("srp4ctr ")]
BEAMS = ("--runner", "--direct_num_workers", "--direct_running_mode")


def options_of(line: str) -> set[str]:
    return {word.partition("=")[0] for word in line.split() if word.startswith("--")}


@pytest.mark.parametrize("line", MODULES)
def test_its_module_commands_take_their_options(line: str) -> None:
    module = re.findall(r"python -m (\S+)", line)[0]
    command = [sys.executable, "-m", module, "--help"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    assert options_of(line) - set(BEAMS) <= set(re.findall(r"--[\w-]+", done.stdout))


@pytest.mark.parametrize("line", OURS)
def test_its_commands_take_their_options(line: str) -> None:
    done = CliRunner(env={"COLUMNS": "200", "TERM": "dumb"}).invoke(app, [line.split()[1], "--help"])
    assert done.exit_code == 0 and options_of(line) <= set(re.findall(r"--[\w-]+", done.output))


def test_all_its_commands_were_looked_at() -> None:
    assert len(MODULES) >= 3 and len(OURS) >= 2 and len(PYTHON) >= 4


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
    limits, export = RequestLimits(), TrainerConfig().export
    assert f"`--max_message_bytes` ({limits.max_message_bytes >> 20} MiB)" in DOC
    assert f"`trainer.export.max_candidates` ({export.max_candidates:,})" in DOC
    assert f"`max_history` ({export.max_history:,})" in DOC


@pytest.mark.parametrize("path", sorted(set(re.findall(r"(?:serving|tests)/[\w/.-]+", DOC))))
def test_its_files_exist(path: str) -> None:
    assert (ROOT / path.rstrip(".")).exists()
