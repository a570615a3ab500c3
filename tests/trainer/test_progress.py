"""How long a fit is said to have left."""

from __future__ import annotations

import pytest

from trainer.progress import EpochProgress


@pytest.mark.parametrize("before", [0, 6])
def test_time_left_is_by_the_epochs_of_this_process(
    before: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Those that an earlier one did took none of its time."""
    now = 100.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    progress = EpochProgress("a stage", ("loss",))
    progress.set_params({"epochs": 10})
    progress.on_train_begin()
    for epoch in (before, before + 1):
        progress.on_epoch_begin(epoch)
        now += 30
        progress.on_epoch_end(epoch, {"loss": 0.5})
    last = capsys.readouterr().out.splitlines()[-1]
    left = 30 * (10 - before - 2)
    assert last == f"  a stage: {before + 2} of 10, loss 0.5000, at most {left} s left"


def test_after_the_last_epoch_no_time_is_said_to_be_left(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The model is still exported then, and nothing tells how long that takes."""
    progress = EpochProgress("a stage", ("loss",))
    progress.set_params({"epochs": 1})
    progress.on_train_begin()
    progress.on_epoch_begin(0)
    progress.on_epoch_end(0, {"loss": 0.5})
    assert capsys.readouterr().out == "  a stage: 1 of 1, loss 0.5000\n"
