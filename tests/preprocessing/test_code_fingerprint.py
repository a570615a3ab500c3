"""Fingerprints of code change with all the code that decides, and with nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from preprocessing.code_fingerprint import code_fingerprint, source_files

TREE = {
    "trainer/__init__.py": "",
    "trainer/deep/model.py": "import library\nfrom serving import contract\n",
    "serving/__init__.py": "",
    "serving/contract.py": "def late():\n    import preprocessing.limits\n",
    "serving/server.py": "",
    "library/__init__.py": "",  # another package, which is installed beside this one
    "preprocessing/limits.py": "",
    "preprocessing/typed.py": "",
    "pipelines/component.py": (
        "from typing import TYPE_CHECKING\n"
        "from trainer.deep.model import Model\n"
        "if TYPE_CHECKING:\n    import preprocessing.typed\n"
    ),
}
IMPORTED = {
    "pipelines/component.py",
    "trainer/__init__.py",
    "trainer/deep/model.py",
    "serving/__init__.py",
    "serving/contract.py",
    "preprocessing/limits.py",
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name, text in TREE.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


@pytest.mark.parametrize("changed", TREE)
def test_it_changes_with_what_is_imported(changed: str, root: Path) -> None:
    before = code_fingerprint("pipelines/component.py", root=root)
    path = root / changed
    path.write_text(path.read_text() + "x = 1\n")
    after = code_fingerprint("pipelines/component.py", root=root)
    assert (after != before) == (changed in IMPORTED)


def test_files_alone_count_without_what_they_import(root: Path) -> None:
    def fingerprint() -> str:
        return code_fingerprint("preprocessing", alone=["pipelines/component.py"], root=root)

    before = fingerprint()
    (root / "trainer/deep/model.py").write_text("")
    assert fingerprint() == before
    (root / "pipelines/component.py").write_text("")
    assert fingerprint() != before


def test_what_is_not_there_is_refused(root: Path) -> None:
    with pytest.raises(FileNotFoundError, match="pipelines/components.py"):
        code_fingerprint("pipelines/components.py", root=root)


@pytest.mark.parametrize(
    ("part", "decides"),
    [
        ("trainer", "serving/contract.py"),
        ("pipelines/components/counts.py", "pipelines/bootstrap.py"),
        ("pipelines/components/counts.py", "pipelines/components/counts.py"),
        ("pipelines/components/data_checks.py", "pipelines/text.py"),
        ("pipelines/components/data_checks.py", "pipelines/checks/findings.py"),
        ("pipelines/components/evaluation.py", "pipelines/metrics.py"),
        ("pipelines/components/evaluation.py", "trainer/metrics.py"),
        ("pipelines/components/blessing_gate.py", "pipelines/evaluated.py"),
        ("pipelines/components/blessing_gate.py", "pipelines/counts/verdict.py"),
    ],
)
def test_what_components_decide_by_is_in_their_fingerprints(part: str, decides: str) -> None:
    root = Path(__file__).parent.parent.parent
    assert root / decides in source_files([part])


def test_reports_are_in_no_fingerprint() -> None:
    """Otherwise a change of words would train everything again."""
    parts = ["preprocessing", "trainer", "pipelines/components"]
    found = {path.as_posix() for path in source_files(parts)}
    assert not any("/pipelines/report/" in path for path in found)
    assert not any("/pipelines/commands/" in path for path in found)
