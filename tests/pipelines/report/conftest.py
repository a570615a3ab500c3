"""Fixtures of the tests of pages."""

import pytest


@pytest.fixture
def without_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leaves out what takes nearly all of a page's time, where its words are what counts."""
    monkeypatch.setattr("pipelines.report.theme._to_svg", lambda figure, name: "<svg></svg>")
