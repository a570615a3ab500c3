"""Fixtures that every test may use."""

from pathlib import Path

import pytest

from preprocessing import datasets

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="session")
def ml_100k_dir() -> Path:
    """The folder of MovieLens-100K, fetched once into the repository's data/."""
    return datasets.fetch("ml-100k", ROOT / "data")


@pytest.hookimpl(tryfirst=True)  # before xdist reads the marks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keeps a file's tests in one process (--dist loadgroup), and all files that use the small run in the same one."""
    sharing = {item.path for item in items if "small_run" in getattr(item, "fixturenames", ())}
    for item in items:
        item.add_marker(pytest.mark.xdist_group("small_run" if item.path in sharing else item.nodeid.split("::")[0]))
