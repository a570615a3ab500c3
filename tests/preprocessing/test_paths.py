"""Paths are absolute before workers, whose working directories are others, get them."""

from __future__ import annotations

from pathlib import Path

import pytest

from preprocessing.features import SPLITS
from preprocessing.paths import absolute
from preprocessing.records import WriteRecords
from tests.testing import small_spec


def test_local_paths_become_absolute_and_urls_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert absolute("logs/*.csv") == f"{tmp_path}/logs/*.csv"
    assert absolute("/logs/") == "/logs"
    assert absolute("gs://bucket/logs/") == "gs://bucket/logs"


def test_the_job_that_makes_records_knows_only_absolute_paths(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    job = WriteRecords({split: f"out/{split}" for split in SPLITS}, small_spec(), "bad", shards=1)
    assert job._directories == {split: f"{tmp_path}/out/{split}" for split in SPLITS}
    assert job._quarantine_dir == f"{tmp_path}/bad"
    assert job._spec.events.paths == (f"{tmp_path}/events.csv",)
