"""`srp4ctr statistics` on a small log and a version that has all that it reads of one."""

from __future__ import annotations

import json
import logging
import shutil
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipelines.commands.as_of import as_of_seconds
from pipelines.commands.statistics.refresh import refresh_statistics
from pipelines.errors import RunError
from preprocessing.splits import to_iso
from preprocessing.statistics.as_of import AsOf
from serving import contract
from serving.manifest import check_manifest
from serving.statistics_as_of import statistics_as_of
from tests.pipelines.conftest import srp4ctr
from tests.testing import HOUR, small_log, small_spec, write_small_dataset


def _features(windows: list[str]) -> dict[str, object]:
    return small_spec().features.model_dump(mode="json") | {
        "statistics": {"item_id": {"windows": windows}}
    }


def _config(folder: Path, windows: list[str], **changes: object) -> Path:
    spec = small_spec(features=_features(windows), **changes)
    dataset = spec.model_dump(mode="json", exclude_none=True)
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump({"dataset": dataset, "data_dir": str(folder)}))
    return path


def _target(folder: Path, windows: list[str]) -> str:
    spec = small_spec(features=_features(windows)).model_dump(mode="json")
    files = {
        "saved_model.pb": "",
        contract.STATISTICS_FILE: "",
        contract.CONFIG_FILE: json.dumps({"spec": spec}),
    }
    for name, content in files.items():
        (folder / "model" / "3" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "model" / "3" / name).write_text(content)
    return str(folder / "model")


def test_the_next_version_counts_the_log_as_it_is(tmp_path: Path) -> None:
    write_small_dataset(tmp_path, small_log(events=200))
    version = refresh_statistics(
        _config(tmp_path, ["all"]), _target(tmp_path, ["all"]), None, None, 3
    )
    lines = _table(version)
    items = {row["item_id"] for row in small_log(events=200)}
    assert (
        len(items) // 2 < len(lines) <= len(items) + 2
    )  # those before the last step, whatever wasn't counted, and of when the table is
    assert all(len(line.split("\t")) == 2 for line in lines)


@pytest.mark.slow
def test_files_that_have_come_since_are_counted(tmp_path: Path) -> None:
    """So a log may arrive by the file, as subscriptions that write to a bucket leave it."""
    log = small_log(events=200)
    write_small_dataset(tmp_path)
    (tmp_path / "events").mkdir()
    _write_lines(tmp_path / "events" / "1.jsonl", log[:100])
    config = _config(tmp_path, ["all"], events={"format": "jsonl", "path": "events"})
    target = _target(tmp_path, ["all"])
    before = refresh_statistics(config, target, None, None, 3)
    _write_lines(tmp_path / "events" / "2.jsonl", log[100:])
    after = refresh_statistics(config, target, None, None, 3)

    _write_lines(tmp_path / "events" / "1.jsonl", log)
    (tmp_path / "events" / "2.jsonl").unlink()
    at_once = refresh_statistics(config, target, None, None, 3)

    assert _table(after) == _table(at_once) != _table(before)


@pytest.mark.slow
@pytest.mark.parametrize("as_of", ["now", "last"])
def test_an_event_with_a_wrong_clock_is_no_part_of_the_windows(
    tmp_path: Path, as_of: str, caplog: pytest.LogCaptureFixture
) -> None:
    """One event a week ahead made every window of every item 0."""
    now = int(time.time())
    log = small_log(events=200)
    newest = max(row["timestamp"] for row in log)
    log = [row | {"timestamp": row["timestamp"] - newest + now - HOUR} for row in log]
    config, target = _config(tmp_path, ["1d"]), _target(tmp_path, ["1d"])
    write_small_dataset(tmp_path, log)
    right = refresh_statistics(config, target, None if as_of == "last" else now, None, 3)
    assert not [record for record in caplog.records if record.name == "root"]
    write_small_dataset(tmp_path, [*log, log[0] | {"timestamp": now + 7 * 24 * HOUR}])
    other = _target(tmp_path / "other", ["1d"])
    found = refresh_statistics(config, other, as_of_seconds(as_of), None, 3)
    assert _counts(found) == _counts(right)
    assert len(_counts(found)) > 1  # not only that of what was never counted
    made = statistics_as_of(Path(found))
    assert made is not None
    assert made.events == len(log)
    assert as_of == "now" or made.time == now - HOUR + 1, "just after the last right event"
    assert any(
        message.startswith(f"1 of {len(log) + 1} times are after now")
        for message in caplog.messages
    )


def test_a_log_that_ended_long_ago_is_refused_by_default(tmp_path: Path) -> None:
    write_small_dataset(tmp_path, small_log(events=200))
    config, target = _config(tmp_path, ["1d", "all"]), _target(tmp_path, ["1d", "all"])
    with pytest.raises(Exception, match="Of a log that ended long ago, --as-of last makes"):
        refresh_statistics(config, target, as_of_seconds("now"), None, 3)
    assert [path.name for path in Path(target).iterdir()] == ["3"]


def _write_lines(path: Path, rows: list[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def _table(version: str) -> list[str]:
    return sorted((Path(version) / contract.STATISTICS_FILE).read_text().splitlines())


def _counts(version: str) -> list[str]:
    """The lines of a version's table but for the one that says of when it is."""
    as_of = statistics_as_of(Path(version))
    assert as_of is not None
    return [line for line in _table(version) if line != as_of.line().decode()]


def test_a_model_that_counts_other_things_is_left_alone(tmp_path: Path) -> None:
    target = _target(tmp_path, ["1d"])
    with pytest.raises(RunError, match="another dataset.features than this configuration has"):
        refresh_statistics(_config(tmp_path, ["all"]), target, None, None, 3)
    assert [path.name for path in Path(target).iterdir()] == ["3"]


def test_a_model_of_another_kind_that_comes_meanwhile_does_not_get_the_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_small_dataset(tmp_path, small_log(events=200))
    target = _target(tmp_path, ["all"])
    other = Path(_target(tmp_path / "other", ["1d"])) / "3"
    monkeypatch.setattr(  # which is called once the table is made
        "pipelines.commands.statistics.refresh.check_quarantine",
        lambda spec, folder: shutil.copytree(other, f"{target}/4"),
    )
    with pytest.raises(RunError, match="another dataset.features than this configuration has"):
        refresh_statistics(_config(tmp_path, ["all"]), target, None, None, 3)
    assert {path.name for path in Path(target).glob("[0-9]*")} == {"3", "4"}


def test_another_data_set_with_the_same_features_is_refused(tmp_path: Path) -> None:
    target = _target(tmp_path, ["all"])
    config = _config(tmp_path, ["all"], name="other")
    with pytest.raises(RunError, match=r"of the data set small .* configuration is of other"):
        refresh_statistics(config, target, None, None, 3)


def test_the_next_version_says_of_when_it_is_and_none_that_is_older_follows(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    log = small_log(events=200)
    write_small_dataset(tmp_path, log)
    config = str(_config(tmp_path, ["all"]))
    target = _target(tmp_path, ["all"])
    times = sorted(row["timestamp"] for row in log)
    middle = times[100]
    events = sum(time < middle for time in times)
    found = srp4ctr("statistics", config, target, "--as-of", str(middle))
    version = Path(target) / max((path.name for path in Path(target).glob("[0-9]*")), key=int)
    assert found.stdout == (
        f"Statistics as of {to_iso(middle)} ({events} events) are in {version}\n"
    )
    assert statistics_as_of(version) == AsOf(middle, events)
    check_manifest(version)

    before = {path.name for path in Path(target).glob("[0-9]*")}
    refused = srp4ctr("statistics", config, target, "--as-of", str(middle - 1))
    assert f"as of {to_iso(middle)}" in refused.stderr
    assert f"older, as of {to_iso(middle - 1)}" in refused.stderr
    early = _target(tmp_path / "early", ["all"])
    none = srp4ctr("statistics", config, early, "--as-of", str(times[0]))
    assert none.stderr.startswith("Error: the log has no usable event to count")
    errors = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert not errors  # of Beam, with a traceback
    assert {path.name for path in Path(target).glob("[0-9]*")} == before

    write_small_dataset(tmp_path, [row for row in log if row["timestamp"] < middle - 1])
    shorter = srp4ctr("statistics", config, target, "--as-of", "last")
    assert shorter.returncode == 1
    assert "these would be older" in shorter.stderr


@pytest.mark.parametrize(
    ("as_of", "hint"),
    [
        (1_768_000_000_000, " Is it in milliseconds? In seconds it is 1768000000, 2026-01-09T"),
        (1_768_000_000_000_000, " Is it in microseconds? In seconds it is 1768000000, 2026-01-09T"),
        (99_999_999_999, ""),  # milliseconds of 1973: a digit too many
        (9_999_999_999_999, ""),  # and of 2286
    ],
)
def test_times_in_other_units_are_named(tmp_path: Path, as_of: int, hint: str) -> None:
    config, target = _config(tmp_path, ["all"]), _target(tmp_path, ["all"])
    end = "23:06:40\\+00:00\\.$" if hint else "$"
    found = rf"^--as-of takes seconds since 1970, which are \d+ now\. Received: {as_of}\."
    with pytest.raises(RunError, match=found + hint.replace("?", "[?]") + end):
        refresh_statistics(config, target, as_of, None, 3)


def test_a_time_after_now_is_refused(tmp_path: Path) -> None:
    """Its windows would be empty, and no table could follow it until then."""
    now = int(time.time())
    log = small_log(events=200)
    write_small_dataset(tmp_path, log)
    config, target = _config(tmp_path, ["1d", "all"]), _target(tmp_path, ["1d", "all"])
    refused = srp4ctr("statistics", str(config), target, "--as-of", str(now + 48 * HOUR))
    assert refused.returncode == 1
    assert f"as of {to_iso(now + 48 * HOUR)}, which is after now" in refused.stderr

    # A log that goes on after now, by more events than a few wrong clocks have.
    ahead = now + 48 * HOUR - max(row["timestamp"] for row in log)
    write_small_dataset(tmp_path, [row | {"timestamp": row["timestamp"] + ahead} for row in log])
    with pytest.raises(RunError, match="which is after now, .* is local time read as UTC[?]"):
        refresh_statistics(config, target, None, None, 3)
    assert [path.name for path in Path(target).iterdir()] == ["3"]


def test_clocks_may_be_a_little_apart(tmp_path: Path) -> None:
    log = small_log(events=200)
    now = int(time.time())
    since = now - HOUR - max(row["timestamp"] for row in log)
    write_small_dataset(tmp_path, [row | {"timestamp": row["timestamp"] + since} for row in log])
    version = refresh_statistics(
        _config(tmp_path, ["all"]), _target(tmp_path, ["all"]), now + 30, None, 3
    )
    assert statistics_as_of(Path(version)) == AsOf(now + 30, len(log))
