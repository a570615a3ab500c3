"""Files of records when a shard is done twice: the late attempt fails, is killed, or finds a name
that is taken."""

from __future__ import annotations

import multiprocessing
import os
from multiprocessing.connection import Connection
from pathlib import Path

import pytest
from apache_beam.io.filesystem import BeamIOError
from apache_beam.io.filesystems import FileSystems

from preprocessing.tfrecords import RecordFile

RECORDS = [b"first", b"second"]
OTHERS = [os.urandom(1 << 20)]  # so long that some of it is written before the file is closed


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A split's file, whole."""
    path = tmp_path / "Split-train" / "data_tfrecord-00000-of-00001.gz"
    _write(path, RECORDS)
    return path


def _write(path: Path, records: list[bytes]) -> None:
    with RecordFile(str(path)) as file:
        file.write(records)


def _write_and_wait(path: Path, written: Connection) -> None:
    with RecordFile(str(path)) as file:
        file.write(OTHERS)
        file._waiting.popleft().result()
        written.send(True)
        written.recv()


def test_an_attempt_that_ends_replaces_the_file(path: Path) -> None:
    before = path.read_bytes()
    _write(path, OTHERS)
    assert path.read_bytes() != before
    _write(path, RECORDS)
    assert path.read_bytes() == before
    assert os.listdir(path.parent) == [path.name]
    assert os.listdir(path.parent.parent) == [path.parent.name]


def test_an_attempt_that_fails_leaves_everything_as_it_was(path: Path) -> None:
    before = path.read_bytes()
    with pytest.raises(ZeroDivisionError), RecordFile(str(path)) as file:
        file.write(OTHERS)
        raise ZeroDivisionError
    assert path.read_bytes() == before
    assert os.listdir(path.parent.parent) == [path.parent.name]


def test_an_attempt_whose_records_fail_leaves_everything_as_it_was(path: Path) -> None:
    before = path.read_bytes()
    with pytest.raises(TypeError), RecordFile(str(path)) as file:
        file.write(["no bytes"])  # type: ignore[list-item]
    assert path.read_bytes() == before
    assert os.listdir(path.parent.parent) == [path.parent.name]


def test_an_attempt_that_is_killed_leaves_the_whole_file_and_no_other_in_its_folder(
    path: Path,
) -> None:
    before = path.read_bytes()
    fork = multiprocessing.get_context("fork")
    here, there = fork.Pipe()
    late = fork.Process(target=_write_and_wait, args=(path, there))
    late.start()
    assert here.recv()
    late.kill()
    late.join()
    assert path.read_bytes() == before
    assert os.listdir(path.parent) == [path.name]


def test_a_file_system_that_replaces_nothing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def rename(sources: list[str], destinations: list[str]) -> None:
        if os.path.exists(destinations[0]):
            raise BeamIOError(
                "Rename operation failed", {(sources[0], destinations[0]): OSError("it exists")}
            )
        os.rename(sources[0], destinations[0])

    monkeypatch.setattr(FileSystems, "rename", rename)
    before = path.read_bytes()
    _write(path, OTHERS)
    assert path.read_bytes() != before and os.listdir(path.parent) == [path.name]


def test_what_can_not_be_put_in_place_is_said_and_removed(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(sources: list[str], destinations: list[str]) -> None:
        raise BeamIOError(
            "Rename operation failed", {(sources[0], destinations[0]): OSError("the disk is full")}
        )

    monkeypatch.setattr(FileSystems, "rename", refuse)
    other = path.with_name("other.gz")
    with pytest.raises(BeamIOError, match="the disk is full"):
        _write(other, OTHERS)
    assert os.listdir(path.parent) == [path.name]
    assert os.listdir(path.parent.parent) == [path.parent.name]
