"""What README, CONTRIBUTING and docs/ name exists: commands as their own parsers read them, files,
links, rooms."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import typer
from typer.core import TyperGroup

from pipelines import node_ids
from pipelines.app import app

ROOT = Path(__file__).parent.parent
DOCS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")


def code_of(path: Path) -> list[str]:
    """The lines of indented and fenced blocks, and what is between backticks; continued lines are
    one."""
    text = path.read_text(encoding="utf-8").replace("\\\n", " ")
    fenced = [
        line
        for block in re.findall(r"^```\w*\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
        for line in block.splitlines()
    ]
    text = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    return [
        *fenced,
        *re.findall(r"^ {4,}(.+)$", text, re.MULTILINE),
        *re.findall(r"`([^`]+)`", text.replace("\n", " ")),
    ]


def commands(start: str) -> list[tuple[str, str]]:
    """(document, command) for each command in a document that begins like this."""
    found: dict[tuple[str, str], None] = {}  # a dict keeps their order
    for doc, line in ((path.name, line) for path in DOCS for line in code_of(path)):
        for part in re.split(r" && |; ", re.sub(r"\s+#.*", "", line)):
            match = re.search(rf"(?:^|\.venv/bin/|\* +){start}(?: (.*))?$", part.strip())
            if match:
                command = re.sub(r"\s*(>>?|2>&1|\|) .*", "", match.group(1) or "").strip()
                found[doc, re.sub(r"\$\(.*?\)", "2026-11-23", command)] = None
    return list(found)


@pytest.mark.slow
@pytest.mark.parametrize(("doc", "command"), commands("srp4ctr"))
def test_its_commands_are_read_by_the_command_itself(doc: str, command: str) -> None:
    """A command without arguments is a mention: it only has to exist."""
    group = typer.main.get_command(app)
    words = shlex.split(command)
    context = group.context_class(group, info_name="srp4ctr")
    while words and isinstance(group, TyperGroup):
        name, found, words = group.resolve_command(context, words)
        assert found is not None, name
        context = found.context_class(found, context, name)
        group = found
    if words and words != ["--help"]:
        group.make_context(context.info_name or "", words)


@pytest.mark.parametrize(("doc", "command"), commands("make"))
def test_its_make_targets_exist(doc: str, command: str) -> None:
    for word in command.split():
        variable = word.partition("=")[0]
        known = rf"^(?:export )?{variable} \?=" if "=" in word else rf"^{word}:"
        assert re.search(known, MAKEFILE, re.MULTILINE), word


def test_commands_are_found_wherever_they_stand() -> None:
    assert len(commands("srp4ctr")) > 30 and len(commands("make")) > 15
    assert ("operations.md", "run shop.yaml --span 2026-11-23") in commands("srp4ctr")
    assert ("README.md", "rank configs/ml_100k.yaml --user 42 --top 10") in commands("srp4ctr")


@pytest.mark.parametrize("path", DOCS, ids=lambda path: path.name)
def test_its_files_exist(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    named = re.findall(
        r"`((?:preprocessing|trainer|serving|pipelines|tests|configs|benchmarks|docs|scripts)/[\w./]*)`",
        text,
    )
    new = re.findall(r"`([\w/]+\.py)`:\n", text)  # what a worked example writes
    missing = [name for name in named if not (ROOT / name).exists() and name not in new]
    assert not missing
    links = re.findall(r"\]\((?!https?:)([^)#][^)]*)\)", text)
    pictures = re.findall(r'<img src="([^"]+)"', text)
    linked = [link.partition("#")[0] for link in [*links, *pictures]]
    assert not [link for link in linked if not (path.parent / link).exists()]


def test_the_rooms_of_the_architecture_are_all_there_are() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    packages = re.findall(r"^    (\w+)/ ", text, re.MULTILINE)
    of_makefile = re.search(r"^PACKAGES := (.*)$", MAKEFILE, re.MULTILINE)
    assert of_makefile is not None
    assert sorted(packages) == sorted(of_makefile[1].split())
    rooms = set()
    for package in packages:
        rooms |= {f"{package}/{path.name}" for path in (ROOT / package).iterdir() if path.is_dir()}
    assert set(re.findall(r"^\| `(\w+/\w+)/` \|", text, re.MULTILINE)) == {
        r for r in rooms if "__" not in r
    }


def test_the_components_of_the_architecture_are_all_there_are() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    part = text.partition("## The component graph")[2].partition("\n## ")[0]
    documented = re.findall(r"^\| `([A-Z][\w.]+)` \|", part, re.MULTILINE)
    called: set[str] = set()
    for name, value in vars(node_ids).items():
        if name.isupper() and isinstance(value, str):
            called.add(value)
    assert sorted(documented) == sorted(called)


def test_the_paper_has_its_tests() -> None:
    text = (ROOT / "docs" / "paper.md").read_text(encoding="utf-8")
    parts = text.partition("\n- **")[2].partition("\n\n")[0].split("\n- **")
    assert len(parts) >= 14
    for part in parts:
        _, _, tests = " ".join(part.split()).partition(" - tests: ")
        assert re.fullmatch(r"`tests/[\w/]+/test_\w+\.py`(, `tests/[\w/]+\.py`)*", tests), part
