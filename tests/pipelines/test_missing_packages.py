"""What is said where a package isn't installed: the line that installs it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from pipelines.errors import explain
from pipelines.runners.submit import submit_to_kubeflow, submit_to_vertex


def _said(error: BaseException) -> str:
    message, code = explain(error)
    assert code == 2 and message is not None
    return message


def test_a_package_of_one_extra_alone_is_named_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "kfp", None)
    with pytest.raises(ModuleNotFoundError) as raised:
        submit_to_kubeflow(Path("p.yaml"), "host", "root", {})
    assert "pip install 'srp4ctr[kubeflow]'" in _said(raised.value)
    inner = ModuleNotFoundError("", name="kfp.pipeline_spec")
    assert "the Python package kfp," in _said(inner) and "[kubeflow]" in _said(inner)


def test_a_package_of_google_is_named_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "google.cloud.aiplatform", None)
    if "google.cloud" in sys.modules:  # which names it, too, once any test has imported it
        monkeypatch.delattr(sys.modules["google.cloud"], "aiplatform", raising=False)
    with pytest.raises(ModuleNotFoundError) as raised:
        submit_to_vertex(Path("p.json"), "project", "region", {})
    said = _said(raised.value)
    assert "package google.cloud.aiplatform, which" in said and "'srp4ctr[tfx]'" in said
