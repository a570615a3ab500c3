"""Which revision a report names; and that the code runs where there are no other programs than
Python."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from pipelines import revision

ROOT = Path(__file__).parents[2]
PACKAGES = ("preprocessing", "trainer", "pipelines", "serving")


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the code is taken to be."""
    monkeypatch.setattr(revision, "_ROOT", tmp_path)
    monkeypatch.setattr(revision, "_STAMP", tmp_path / "REVISION")
    return tmp_path


def test_a_checkout_has_its_commit_and_says_where_files_differ(root: Path) -> None:
    def git(*arguments: str) -> str:
        command = ["git", "-C", str(root), "-c", "user.name=n", "-c", "user.email=e", *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    git("init", "--quiet")
    (root / "file").write_text("one")
    git("add", "file")
    git("commit", "--quiet", "--message", "one")
    commit = git("rev-parse", "HEAD")
    assert revision.code_revision() == commit and len(commit) == 40
    (root / "file").write_text("two")
    assert revision.code_revision() == f"{commit}+"
    assert revision.short_revision(f"{commit}+") == f"{commit[:12]}+"


def test_a_checkout_without_git_has_none(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (root / ".git").mkdir()
    monkeypatch.setenv("PATH", "")
    assert revision.code_revision() is None


def test_outside_of_a_checkout_the_stamp_counts(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    assert revision.code_revision() is None
    (root / "REVISION").write_text("of the build\n")
    assert revision.code_revision() == "of the build"


def test_no_other_program_is_called_by_name() -> None:
    """An image may have none: a new caller has to say here what it does without."""
    callers = set()
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            text = path.read_text()
            if "subprocess." in text and "sys.executable" not in text:
                callers.add(path.relative_to(ROOT).as_posix())
    assert callers == {"pipelines/revision.py", "serving/quiet.py"}
