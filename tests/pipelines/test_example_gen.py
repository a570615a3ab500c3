"""What BehaviorLogExampleGen asks TFX's cache about: a changed file in a folder is no cache hit."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pipelines.components.behavior_log_example_gen import BehaviorLogExampleGen
from tests.testing import EVENT_COLUMNS, small_log, small_spec, write_csv

pytestmark = pytest.mark.slow

LOG = small_log()


def test_a_changed_file_in_a_folder_is_another_input(tmp_path: Path) -> None:
    folder = tmp_path / "log" / "day=1"
    folder.mkdir(parents=True)
    part = write_csv(folder / "part.csv", LOG[:10], EVENT_COLUMNS)
    before = _asked(tmp_path)
    assert _asked(tmp_path) == before

    write_csv(part, LOG[:9], EVENT_COLUMNS)
    shorter = _asked(tmp_path)
    assert shorter != before

    size = part.stat().st_size
    part.write_bytes(b"x" * size)
    os.utime(part, (1, 1))
    assert _asked(tmp_path) not in (before, shorter)


def _asked(folder: Path) -> str:
    spec = small_spec(events={"format": "csv", "path": "log"}, items=None, users=None, features={})
    component = BehaviorLogExampleGen(spec.with_data_dir(str(folder)), "quarantine", "code")
    custom: str = component.exec_properties["custom_config"]
    return custom
