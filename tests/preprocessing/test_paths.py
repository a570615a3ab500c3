"""Paths are absolute before workers, whose working directories are others, get them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from preprocessing.features import SPLITS
from preprocessing.paths import absolute, path_problem
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


@pytest.mark.parametrize(
    "path",
    [
        *("/data/log.csv", "log.csv", ".", "./s3:/bucket", "a:b", "log-12:00.csv", "c:log"),
        *("s3://bucket", "gs://bucket/logs/*.csv", "redis://host:1/0", "unix:///run/redis"),
    ],
)
def test_paths_and_urls_are_known(path: str) -> None:
    assert path_problem(path) == ""


@pytest.mark.parametrize(
    ("path", "problem"),
    [
        ("", "it is empty"),
        (" ", "it is empty"),
        ("s3:/bucket/x", "s3:/bucket/x is neither a URL, such as s3://bucket/x, nor a name here, "),
        ("gs:bucket", "gs:bucket is neither a URL, such as gs://bucket, nor .* be ./gs:bucket$"),
        ("GS:/bucket", "GS:/bucket is neither a URL, such as gs://bucket, nor"),
        ("abfs:/x/y", "abfs:/x/y is neither a URL, such as abfs://x/y, nor"),
        ("s3://", "s3:// names nothing after its scheme: s3://bucket/folder would"),
        ("s3:///x", "s3:///x names nothing after its scheme"),
        ("S3://bucket/x", "S3://bucket/x has its scheme in capitals: s3://bucket/x would do"),
    ],
)
def test_what_is_neither_a_path_nor_a_url_is_told(path: str, problem: str) -> None:
    assert re.match(problem, path_problem(path))
