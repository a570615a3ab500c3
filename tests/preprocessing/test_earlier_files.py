"""A folder that has records in other shards is refused: both jobs' records would be read."""

from __future__ import annotations

from pathlib import Path

import apache_beam as beam
import pytest

from preprocessing.errors import DataError
from preprocessing.features import SPLITS
from preprocessing.records import WriteRecords
from preprocessing.shard_fns import path_of
from preprocessing.tfrecords import RecordFile
from tests.ram_file_system import RamFileSystem
from tests.testing import small_spec


@pytest.fixture(params=["here", "store"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A folder whose split `test` has a file of a job with seven shards; its name is no pattern."""
    at = str(tmp_path / "br[1]")
    if request.param == "store":
        at = f"{RamFileSystem.scheme()}://{tmp_path.name}"
    with RecordFile(path_of(f"{at}/test", 2, 7)) as file:
        file.write([b"record"])
    return at


@pytest.mark.parametrize("shards", [3, 8])
def test_records_in_other_shards_are_refused_before_the_job(folder: str, shards: int) -> None:
    says = rf"/test: data_tfrecord-00002-of-00007\.gz is of a job with 7 shards, .* has {shards}: "
    with pytest.raises(DataError, match=says):
        _apply(folder, shards)


def test_those_in_as_many_are_replaced(folder: str) -> None:
    _apply(folder, 7)
    _apply(f"{folder}/new", 3)


def _apply(folder: str, shards: int) -> None:
    places = {split: f"{folder}/{split}" for split in SPLITS}
    _ = beam.Pipeline() | WriteRecords(places, small_spec(), shards=shards)
