"""The command line: quick help, and errors that say what to do."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml
from typer.core import TyperGroup

from pipelines import cli
from pipelines.app import app
from tests.pipelines.conftest import srp4ctr, srp4ctr_process, write_run
from tests.testing import EVENT_COLUMNS, write_csv


def failing(tmp_path: Path, break_it: Any) -> subprocess.CompletedProcess[str]:
    """Runs a small config that `break_it(content, data folder)` has broken."""
    path = write_run(tmp_path)
    content = yaml.safe_load(path.read_text())
    break_it(content, tmp_path / "data")
    path.write_text(yaml.safe_dump(content))
    return srp4ctr("run", path)


def test_help_lists_the_commands() -> None:
    done = srp4ctr_process("--help")
    assert done.returncode == 0
    for command in (
        "data",
        "run",
        "serve",
        "rank",
        "report",
        "cost",
        "experiment",
        "train",
        "precompute",
        "rollout",
    ):
        assert command in done.stdout


def test_help_begins_with_what_a_newcomer_needs() -> None:
    group = typer.main.get_command(app)
    assert isinstance(group, TyperGroup)
    listed = group.list_commands(group.context_class(group))
    assert listed[:6] == ["data", "run", "rank", "tour", "compare", "serve"]
    assert len(listed) == len(set(listed)) > 15


def test_paragraphs_of_help_fill_their_lines() -> None:
    helped = srp4ctr("tour", "--help").stdout
    assert "which behaviours a candidate attends to" in helped  # a line ends there in the code


def test_completion_is_an_option_of_the_whole_alone() -> None:
    assert "--install-completion" in srp4ctr("--help").stdout
    assert "--install-completion" not in srp4ctr("rollout", "--help").stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ("rub",),
        ("run",),
        ("run", "x.yaml", "--beam"),
        ("run", "x.yaml", "--span", "soon"),
        ("statistics", "x.yaml", "models", "--span", "soon"),
        ("statistics", "x.yaml", "models", "--as-of", "soon"),
        ("rank", "x.yaml"),
    ],
)
def test_usage_errors_exit_with_2(arguments: tuple[str, ...]) -> None:
    assert srp4ctr(*arguments).returncode == 2


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (
            ("train", "pretrain", "no.yaml", "--examples=a", "--transform=b", "--model-dir=c"),
            "no.yaml: no such file",
        ),
        (
            ("precompute", "--model=none", "--to=states", "--runer=FlinkRunner"),
            "--runer: neither this command nor Beam",
        ),
        (
            ("precompute", "--model=none", "--to=states", "--runner=FlinkRunner"),
            "none: no model version here",
        ),
        (("rollout", "none", "served"), "none: no model version here"),
    ],
)
def test_commands_of_other_packages_fail_alike(arguments: tuple[str, ...], says: str) -> None:
    done = srp4ctr(*arguments)
    assert done.returncode in (1, 2)
    assert done.stderr.startswith("Error: ") and says in done.stderr


@pytest.mark.slow
def test_missing_config_exits_with_2(tmp_path: Path) -> None:
    done = srp4ctr_process("run", tmp_path / "nothing.yaml")
    assert (done.returncode, done.stderr) == (2, f"Error: {tmp_path}/nothing.yaml: no such file.\n")


@pytest.mark.parametrize("package", ["trainer", "serving", "preprocessing"])
@pytest.mark.parametrize("is_package", [False, True])
def test_a_module_that_hides_a_package_is_named(
    tmp_path: Path, package: str, is_package: bool
) -> None:
    place = tmp_path / package / "__init__.py" if is_package else tmp_path / f"{package}.py"
    place.parent.mkdir(exist_ok=True)
    place.write_text("")
    root = Path(__file__).parent.parent.parent
    command = [sys.executable, "-c", "from pipelines.cli import main; main()", "--help"]
    path = {"PYTHONPATH": os.pathsep.join([str(tmp_path), str(root)])}
    done = subprocess.run(
        command, capture_output=True, text=True, env=os.environ | path, cwd=tmp_path
    )
    assert done.returncode == 2
    assert f"{place} hides srp4ctr's own package '{package}'" in done.stderr


def test_all_hidden_packages_are_named_at_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(cli, "shadowed_packages", lambda: ["one hides", "another hides"])
    with pytest.raises(SystemExit) as left:
        cli.main()
    assert left.value.code == 2
    assert capsys.readouterr().err == "Error: one hides\nError: another hides\n"


def test_unknown_key_names_the_nearest(tmp_path: Path) -> None:
    def misspell(content: dict[str, Any], data: Path) -> None:
        content["trainer"]["finetune"]["pacience"] = 3

    done = failing(tmp_path, misspell)
    assert done.returncode == 2
    assert "trainer.finetune.pacience: unknown key. Did you mean 'patience'?" in done.stderr


def test_missing_column_names_file_and_nearest(tmp_path: Path) -> None:
    def rename(content: dict[str, Any], data: Path) -> None:
        content["dataset"]["events"]["timestamp"] = "timestmp"

    done = failing(tmp_path, rename)
    assert done.returncode == 1
    assert "events.csv: no column 'timestmp'" in done.stderr
    assert "Did you mean 'timestamp'?" in done.stderr


def test_empty_log(tmp_path: Path) -> None:
    done = failing(
        tmp_path, lambda content, data: write_csv(data / "events.csv", [], EVENT_COLUMNS)
    )
    assert done.returncode == 1
    assert "the log is empty" in done.stderr


def test_no_event_before_the_cut_off(tmp_path: Path) -> None:
    def early(content: dict[str, Any], data: Path) -> None:
        content["dataset"]["split"] = {"validation_from": "2001-01-01", "test_from": "2002-01-01"}

    done = failing(tmp_path, early)
    assert done.returncode == 1
    assert "2001-01-01" in done.stderr


@pytest.mark.slow
def test_too_many_unreadable_rows(tmp_path: Path) -> None:
    def spoil(content: dict[str, Any], data: Path) -> None:
        with (data / "events.csv").open("a") as file:
            file.writelines("u1,i1,yesterday,view,1,phone\n" for _ in range(500))

    done = failing(tmp_path, spoil)
    assert done.returncode == 1
    assert "max_bad_rows" in done.stderr
    assert "yesterday" in done.stderr
    assert (tmp_path / "runs" / "small" / "quarantine" / "rejected_rows.jsonl").is_file()


def test_serve_without_a_version(tmp_path: Path) -> None:
    done = srp4ctr("serve", tmp_path)
    assert done.returncode == 1
    assert str(tmp_path) in done.stderr


def test_report_of_something_else(tmp_path: Path) -> None:
    done = srp4ctr("report", tmp_path)
    assert (done.returncode, "not a run directory" in done.stderr) == (1, True)


def test_report_takes_the_yaml_file_of_a_run(tmp_path: Path) -> None:
    config = write_run(tmp_path)
    done = srp4ctr("report", config)
    assert done.returncode == 1
    assert f"{config}: its run isn't there, {tmp_path}/runs/small. Make it: srp4ctr" in done.stderr
    (tmp_path / "runs" / "small").mkdir(parents=True)
    done = srp4ctr("report", config)
    assert done.returncode == 1
    assert f"{tmp_path}/runs/small: not a run directory" in done.stderr


def test_rank_before_a_run(tmp_path: Path) -> None:
    done = srp4ctr("rank", write_run(tmp_path), "--user", "u1")
    assert done.returncode == 1
    assert "Run `srp4ctr run` first" in done.stderr
    assert "Ranking" not in done.stdout


def test_rank_without_titles_says_what_it_ranks(tmp_path: Path) -> None:
    path = write_run(tmp_path)
    content = yaml.safe_load(path.read_text())
    content["dataset"].pop("items")
    content["dataset"]["features"].pop("item", None)
    path.write_text(yaml.safe_dump(content))
    done = srp4ctr("rank", path, "--user", "u1")
    assert done.returncode == 1
    assert "ranks the rows of an item table" in done.stderr


def test_unknown_data_set() -> None:
    done = srp4ctr("data", "fetch", "ml-100")
    assert done.returncode == 1
    assert "Did you mean 'ml-100k'?" in done.stderr
