"""Arguments that are neither a path nor a URL, and empty ones, are refused before all work."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from preprocessing.paths import path_problem
from tests.pipelines.conftest import srp4ctr

HALF = "s3:/bucket/x"


def complaint(*arguments: str) -> str:
    """What a command says of wrong arguments, in one line, without the frame around it."""
    done = srp4ctr(*arguments)
    assert done.returncode == 2, done.stdout
    return " ".join(done.stderr.replace("\u2502", " ").split())


@pytest.fixture(autouse=True)
def nothing_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    yield
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        (["rollout", HALF, "models"], "source"),
        (["rollout", "models", HALF], "target"),
        (["statistics", "run.yaml", HALF], "target"),
        (["data", "inspect", HALF], "path"),
        (["serve", HALF], "model_dir"),
        (["serve", f"--model_base_path={HALF}"], "--model_base_path"),
    ],
)
def test_half_urls_are_refused_by_name(arguments: list[str], name: str) -> None:
    said = complaint(*arguments)
    assert re.search(
        rf"Invalid value for '?\[?{name}\]?'?: {re.escape(path_problem(HALF))}\.", said
    )


@pytest.mark.parametrize("path", [HALF, "gs://bucket/x"])
@pytest.mark.parametrize(
    "arguments",
    [
        ["data", "fetch", "ml-100k", "--data-dir"],
        ["data", "inspect", "log.csv", "--output"],
        ["compare", "a", "b", "--output"],
        ["cost", "run.yaml", "--output"],
        ["experiment", "run.yaml", "--publish"],
        ["loadtest", "localhost:1", "--out"],
    ],
)
def test_what_is_written_here_is_no_url(arguments: list[str], path: str) -> None:
    assert f"Invalid value for '{arguments[-1]}': it has to be on this machine." in complaint(
        *arguments, path
    )


@pytest.mark.parametrize(
    "arguments",
    [
        ["rollout", "models", ""],
        ["rollout", "", "models"],
        ["run", ""],
        ["data", "fetch", "ml-100k", "--data-dir", ""],
        ["data", "fetch", "ml-100k", "--data-dir="],
        ["precompute", "--model", "models", "--to", ""],
        ["serve", ""],
    ],
)
def test_empty_arguments_are_refused(arguments: list[str]) -> None:
    assert "is empty, as an unset variable would leave it: " in complaint(*arguments)


def test_empty_flags_of_tensorflow_model_server_are_as_if_they_were_not_given() -> None:
    flags = ["--port=0", "--rest_api_port=0", "--saved_model_tags="]
    assert "nothing would listen" in complaint("serve", "--model_base_path=models", *flags)
