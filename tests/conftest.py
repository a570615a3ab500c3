"""Fixtures that every test may use."""

from pathlib import Path

import pytest

from preprocessing import datasets

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="session")
def ml_100k_dir() -> Path:
    """The folder of MovieLens-100K, fetched once into the repository's data/."""
    return datasets.fetch("ml-100k", ROOT / "data")
