"""Records made on other engines, and in object stores, are those that one process makes of a local
log."""

from __future__ import annotations

import contextlib
import shutil
import threading
from pathlib import Path

import pytest

from preprocessing.spec import DatasetSpec
from tests.engines.conftest import ENGINES, PROCESS, a_prism, portable
from tests.engines.jobs import DIRECT, Written, upload, upload_dataset, write_records, written
from tests.engines.processes import wait_for
from tests.testing import small_log, write_small_dataset

pytestmark = pytest.mark.slow
BAD_ROW = "u1,,5,buy,2,tv\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("dataset")


@pytest.fixture(scope="module")
def spec(folder: Path) -> DatasetSpec:
    """Of a log with a row that is rejected."""
    spec = write_small_dataset(folder)
    with (folder / "events.csv").open("a") as log:
        log.write(BAD_ROW)
    return spec


@pytest.fixture(scope="module")
def expected(
    spec: DatasetSpec, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Written, dict[str, int]]:
    """What one process makes, and its counters."""
    folder = str(tmp_path_factory.mktemp("direct"))
    counters = write_records(spec, folder, DIRECT)
    found = written(folder)
    assert counters["records_train"] and len(found.files) > 10 and len(found.rejected or ()) == 1
    return found, counters


@pytest.mark.parametrize("engine", ENGINES, indirect=True)
def test_engines(
    engine: list[str], spec: DatasetSpec, expected: tuple[Written, dict[str, int]], tmp_path: Path
) -> None:
    counters = write_records(spec, str(tmp_path), engine)
    assert written(str(tmp_path)) == expected[0]
    is_prism = any("job_endpoint" in option for option in engine)
    if is_prism:  # a busy one loses some; the data report doesn't come from Beam's counters
        assert counters.keys() == expected[1].keys()
        assert all(number <= expected[1][name] for name, number in counters.items())
    else:
        assert counters == expected[1]


@pytest.mark.parametrize("bucket", ["gs", "s3"], indirect=True)
def test_stores(
    bucket: str, folder: Path, spec: DatasetSpec, expected: tuple[Written, dict[str, int]]
) -> None:
    there = upload_dataset(spec, folder, f"{bucket}/data")
    options = [*DIRECT, "--project=project"]
    write_records(there, f"{bucket}/out", options)
    found = written(f"{bucket}/out")
    assert found.files == expected[0].files and found.report == expected[0].report
    assert [
        line.replace(f"{bucket}/data", str(folder)) for line in found.rejected or ()
    ] == expected[0].rejected

    _without_last_row(folder / "events.csv", f"{bucket}/data/events.csv")
    write_records(there, f"{bucket}/out", options)
    again = written(f"{bucket}/out")
    assert again.files == expected[0].files and again.rejected is None


def test_a_killed_worker_leaves_only_whole_files_and_a_second_run_the_right_ones(
    prism: str, logs: Path, tmp_path: Path
) -> None:
    spec = write_small_dataset(tmp_path, small_log(users=2000, events=60_000))
    write_records(spec, str(tmp_path / "direct"), DIRECT)
    right = written(str(tmp_path / "direct"))
    out = tmp_path / "out"
    # On a busy machine a worker may be done with its file before it is killed.
    killed_midway = any(_killed_midway(spec, out, logs / f"killed-{n}") for n in range(5))
    assert killed_midway, "workers were killed too late"
    left = {(path.parent.name, path.name) for path in out.glob("*/*.gz")}
    assert left < set(right.files)

    write_records(spec, str(out), portable(prism, PROCESS))
    assert written(str(out)) == right


def _killed_midway(spec: DatasetSpec, out: Path, logs: Path) -> bool:
    """Kills the workers of a job when one has begun with a file; whether it was still at it."""
    shutil.rmtree(out, ignore_errors=True)
    with a_prism(logs) as (address, engine):
        job = threading.Thread(target=_attempt, args=(spec, str(out), portable(address, PROCESS)))
        job.start()
        wait_for(lambda: list(out.glob(".*.part")), "a worker to begin with a file")
        for worker in engine.children(recursive=True):
            worker.kill()
    job.join()  # Prism starts no other worker: it gives up, or would wait for ever
    return bool(list(out.glob(".*.part")))


def _attempt(spec: DatasetSpec, folder: str, options: list[str]) -> None:
    with contextlib.suppress(Exception):
        write_records(spec, folder, options)


def _without_last_row(log: Path, url: str) -> None:
    shorter = log.with_name("shorter.csv")
    shorter.write_text("".join(log.read_text().splitlines(keepends=True)[:-1]))
    upload(str(shorter), url)
