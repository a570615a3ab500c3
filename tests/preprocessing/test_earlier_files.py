"""No folder keeps an earlier job's records beside a new one's, where both would be read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import apache_beam as beam
import pytest

from preprocessing import shard_fns
from preprocessing.errors import DataError
from preprocessing.features import SPLITS
from preprocessing.paths import is_local
from preprocessing.records import WriteRecords
from preprocessing.shard_fns import path_of
from preprocessing.spec import DatasetSpec
from preprocessing.stored_folders import list_folder, read_file
from preprocessing.tfrecords import RecordFile
from tests.ram_file_system import RamFileSystem
from tests.testing import Row, small_log, small_spec, write_small_dataset

SHARDS = 7


@pytest.fixture(params=["here", "store"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A folder for records; its name is no pattern."""
    if request.param == "store":
        return f"{RamFileSystem.scheme()}://{tmp_path.name}"
    return str(tmp_path / "br[1]")


@pytest.fixture
def folder(place: str) -> str:
    """One whose split `test` has a file of a job with seven shards."""
    with RecordFile(path_of(f"{place}/test", 2, SHARDS)) as file:
        file.write([b"record"])
    return place


@pytest.mark.parametrize("shards", [3, 8])
def test_records_in_other_shards_are_refused_before_the_job(folder: str, shards: int) -> None:
    says = rf"/test: data_tfrecord-00002-of-00007\.gz is of a job with 7 shards, .* has {shards}: "
    with pytest.raises(DataError, match=says):
        _apply(folder, shards)


def test_those_in_as_many_are_replaced(folder: str) -> None:
    _apply(folder, SHARDS)
    _apply(f"{folder}/new", 3)


@pytest.mark.slow
def test_a_log_of_few_users_leaves_no_file_of_an_earlier_log(
    place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = small_log()
    few = [row for row in log if row["user_id"] in ("u1", "u2")]
    of_few = _dataset(tmp_path / "few", few)
    of_all = _dataset(tmp_path / "all", log)
    _run(of_few, f"{place}/alone")
    alone = _contents(f"{place}/alone")

    again = f"{place}/again"
    _run(of_all, again)
    _run(of_few, again)
    assert _contents(again) == alone

    with monkeypatch.context() as patch:
        patch.setattr(shard_fns, "RecordFile", _FailsInTheMiddle)
        with pytest.raises(Exception, match="killed"):
            _run(of_all, again)
    assert _contents(again) != alone
    _run(of_few, again)
    assert _contents(again) == alone


class _FailsInTheMiddle(RecordFile):
    """Ends the job when it comes to a shard."""

    def __init__(self, path: str) -> None:
        if "-00003-of-" in path:
            raise RuntimeError("killed")
        super().__init__(path)


def _dataset(folder: Path, rows: Sequence[Row]) -> DatasetSpec:
    folder.mkdir()
    return write_small_dataset(folder, rows)


def _run(spec: DatasetSpec, folder: str) -> None:
    with beam.Pipeline("FnApiRunner") as pipeline:
        _ = pipeline | WriteRecords(_directories(folder), spec, shards=SHARDS)


def _apply(folder: str, shards: int) -> None:
    _ = beam.Pipeline() | WriteRecords(_directories(folder), small_spec(), shards=shards)


def _directories(folder: str) -> dict[str, str]:
    return {split: f"{folder}/{split}" for split in SPLITS}


def _contents(folder: str) -> dict[str, bytes]:
    """The bytes of each file, by its path in the folder."""
    if not is_local(folder):
        return {name: read_file(f"{folder}/{name}") for name in list_folder(folder)}
    contents: dict[str, bytes] = {}
    for path in Path(folder).rglob("*.gz"):
        contents[str(path.relative_to(folder))] = path.read_bytes()
    return contents
