"""What a new user gets wrong in the first hour, and what the command line then says; docs/errors.md
lists it."""

from __future__ import annotations

import os
import re
import socket
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from pipelines.app import app
from tests.testing import small_log, small_spec, write_small_dataset


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that a user is in, with a log and a config."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()
    write_small_dataset(tmp_path / "data", small_log(users=20, events=200))
    write_config()
    return tmp_path


def write_config(name: str = "shop.yaml", **changes: object) -> None:
    spec = small_spec().model_dump(mode="json", exclude_none=True)
    Path(name).write_text(yaml.safe_dump({"dataset": spec} | changes))


def said(*arguments: str, code: int) -> str:
    """What a command prints that fails with `code`, with an error of its own and no traceback."""
    result = CliRunner().invoke(app, list(arguments))
    assert result.exit_code == code, result.output
    assert result.exception is None or isinstance(result.exception, SystemExit)
    assert "Error: " in result.output
    return result.output


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param(
            "",
            "expected keys and values, such as `dataset:`, at the top; found nothing",
            id="nothing in it",
        ),
        pytest.param("- a", "found list", id="a list"),
        pytest.param("dataset: [", "not a readable YAML file", id="no YAML"),
        pytest.param(
            "dataset: {}\ntrainer: {}\ndataset: {}",
            "bad.yaml: the key dataset is given twice in one mapping, in line 1 and in line 3",
            id="a key twice",
        ),
        pytest.param("trainer: {}", "dataset: this key is missing", id="no data set"),
        pytest.param(
            "trainer: {ranker: {model: dinn}}",
            "must be one of srp4ctr, din, .*Received: 'dinn'",
            id="model",
        ),
    ],
)
def test_configs_that_are_none(content: str, expected: str) -> None:
    Path("bad.yaml").write_text(content)
    assert re.search(expected, said("run", "bad.yaml", code=2))


@pytest.mark.parametrize("command", [("run",), ("data", "validate")])
def test_settings_that_do_not_go_together(command: tuple[str, ...]) -> None:
    write_config(trainer={"export": {"max_history": 3}})
    assert "max_history must not be less than dataset.history.length. Received: 3 and 5" in said(
        *command, "shop.yaml", code=2
    )


def test_a_folder_where_a_config_should_be() -> None:
    assert "data: a directory, where a YAML file is expected." in said("run", "data", code=2)


def test_data_that_was_not_fetched() -> None:
    write_config(data_dir="elsewhere")
    output = said("run", "shop.yaml", code=1)
    assert re.search(
        r"elsewhere/events.csv: no such file, for events.path. Nor is there .*srp4ctr data fetch",
        output,
    )


def test_a_file_with_another_name_needs_no_fetching() -> None:
    os.rename("data/events.csv", "data/event.csv")
    output = said("run", "shop.yaml", code=1)
    assert "events.csv: no such file, for events.path." in output and "fetch" not in output


def test_a_rival_that_must_be_beaten_and_can_not_be_trained(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("pipelines.counts.trees.installed", lambda: "")
    write_config(evaluation={"must_beat": ["counts"]})
    output = said("run", "shop.yaml", code=1)
    assert "must_beat: [counts] pushes no model without trees" in output
    assert "pip install 'srp4ctr[counts]'" in output and not Path("runs").exists()


def test_a_folder_that_can_not_be_written() -> None:
    Path("runs").write_text("a file, not a folder")
    assert re.search(
        r"runs/small: can't be written: Not a directory\. Set runs_dir",
        said("run", "shop.yaml", code=1),
    )


@pytest.mark.parametrize("command", [("rank", "shop.yaml", "--user", "1"), ("tour", "shop.yaml")])
def test_commands_before_a_run_name_the_run(command: tuple[str, ...]) -> None:
    assert "srp4ctr run" in said(*command, code=1)


def test_a_roll_back_before_a_run() -> None:
    assert "no pushed version, so there is none to go back to" in said(
        "rollback", "shop.yaml", code=1
    )


def test_a_taken_port_is_told_before_a_model_is_loaded() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        output = said("serve", "runs/small/serving_model", "--port", str(port), code=1)
    assert f"gRPC can't listen on 127.0.0.1:{port}: Address already in use" in output


def test_no_model_to_serve() -> None:
    output = said(
        "serve",
        "runs/small/serving_model",
        "--port",
        "0",
        "--rest_api_port",
        "0",
        "--grpc_socket_path",
        "grpc.sock",
        code=1,
    )
    assert "no such directory. Expected runs/small/serving_model/<number>/saved_model.pb" in output


def test_no_server_to_put_load_on() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
    assert "No model server answers there: start one (`srp4ctr serve" in said(
        "loadtest", f"localhost:{port}", code=1
    )
