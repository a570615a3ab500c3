"""What `srp4ctr train` refuses before it trains."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.testing_trainer import toy_spec
from trainer.task import run


def _said(folder: Path, capsys: pytest.CaptureFixture[str], *options: str) -> tuple[str, object]:
    """What the command prints that fails, and its exit code."""
    config = folder / "toy.yaml"
    config.write_text(f"dataset: {toy_spec().model_dump_json(exclude_none=True)}\n")
    stage, *more = options
    places = ["--examples", "nowhere", "--transform", "no/graph", "--model-dir", str(folder)]
    with pytest.raises(SystemExit) as stopped:
        run([stage, str(config), *places, *more])
    return " ".join(capsys.readouterr().err.replace("│", " ").split()), stopped.value.code


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (("pretrain", "--encoder", "E"), "pre-training starts from --start-from"),
        (("finetune",), "srp4ctr has an encoder: give --encoder"),
    ],
)
def test_an_encoder_goes_to_fine_tuning_and_nowhere_else(
    options: tuple[str, ...], expected: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    message, code = _said(tmp_path, capsys, *options)
    assert expected in message and code == 2


def test_a_folder_without_a_transform_graph_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    message, code = _said(tmp_path, capsys, "pretrain")
    assert message.startswith("Error: no/graph/transform_fn: no vocabulary user_gender, so this is")
    assert "artifacts/Transform/transform_graph/N" in message and code == 1


def test_a_wrong_config_is_an_error_of_its_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "bad.yaml").write_text("trainer: {seeds: 1}\n")
    places = ["--examples", "E", "--transform", "T", "--model-dir", "M"]
    with pytest.raises(SystemExit) as stopped:
        run(["pretrain", str(tmp_path / "bad.yaml"), *places])
    assert stopped.value.code == 2
    assert "trainer.seeds: unknown key. Did you mean 'seed'?" in capsys.readouterr().err
