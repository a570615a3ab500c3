"""Versions of packages, where TensorFlow may be the build without CUDA."""

from __future__ import annotations

from importlib import metadata
from pathlib import Path

import pytest

from pipelines.versions import installed_version

ROOT = Path(__file__).parents[2]


def test_tensorflow_without_cuda_is_tensorflow(monkeypatch: pytest.MonkeyPatch) -> None:
    def version(name: str) -> str:
        if name == "tensorflow-cpu":
            return "2.0"
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "version", version)
    assert installed_version("tensorflow") == "2.0"
    with pytest.raises(metadata.PackageNotFoundError, match="tfx"):
        installed_version("tfx")


def test_nobody_asks_for_versions_but_there() -> None:
    askers = []
    for package in ("preprocessing", "trainer", "serving", "pipelines"):
        for path in (ROOT / package).rglob("*.py"):
            text = path.read_text()
            if "importlib.metadata import version" in text or "packages.version(" in text:
                askers.append(path.relative_to(ROOT).as_posix())
    assert askers == []
