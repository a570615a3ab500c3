"""Fixtures that every test may use."""

from pathlib import Path
from typing import Any

import pytest

from preprocessing import datasets

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="session")
def ml_100k_dir() -> Path:
    """The folder of MovieLens-100K, fetched once into the repository's data/."""
    return datasets.fetch("ml-100k", ROOT / "data")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Keeps a file's tests in one process, and all of tests/pipelines, whose files share runs that take minutes."""
    from xdist.scheduler import LoadFileScheduling

    class _PipelinesTogether(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return "tests/pipelines" if nodeid.startswith("tests/pipelines/") else super()._split_scope(nodeid)

    return _PipelinesTogether(config, log)
