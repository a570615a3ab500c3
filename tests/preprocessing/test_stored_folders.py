"""Folders of a store, on TensorFlow's ram:// as Beam sees it."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterator
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import IO

import pytest
from apache_beam.io.aws.clients.s3.messages import S3ClientError
from apache_beam.io.filesystem import BeamIOError, FileMetadata
from apache_beam.io.filesystems import FileSystems
from apache_beam.io.gcp.gcsfilesystem import GCSFileSystem

from preprocessing.errors import DataError
from preprocessing.sources.files import match_files
from preprocessing.stored_folders import (
    StorageError,
    delete,
    fetch,
    list_folder,
    missing_package,
    read_file,
    store,
)
from tests.ram_file_system import RamFileSystem


@pytest.fixture
def folder(tmp_path: Path) -> str:
    """The URL of a folder with three files."""
    url = f"{RamFileSystem.scheme()}://{tmp_path.name}/m"
    (tmp_path / "b").mkdir()
    for name in ("a", "b/c", "b/d.gz"):
        (tmp_path / name).write_text(name)
    store(tmp_path, ["b/c", "a", "b/d.gz"], f"{url}/")
    return url


def test_files_go_there_and_back(folder: str, tmp_path: Path) -> None:
    sizes = {name: file.size for name, file in list_folder(folder).items()}
    assert sizes == {"a": 1, "b/c": 3, "b/d.gz": 6}
    assert read_file(f"{folder}/b/d.gz") == b"b/d.gz"  # as it is stored
    fetch(folder, ["b/c", "b/d.gz"], tmp_path / "back")
    assert (tmp_path / "back" / "b" / "d.gz").read_text() == "b/d.gz"
    delete(folder, ["a"])
    assert set(list_folder(folder)) == {"b/c", "b/d.gz"}
    delete(folder, [])


def test_objects_that_stand_for_folders_are_no_files(monkeypatch: pytest.MonkeyPatch) -> None:
    paths = ["gs://models/1/", "gs://models/1/b/", "gs://models/1/b/c"]
    listed = [FileMetadata(path, 3, 0.0) for path in paths]
    monkeypatch.setattr(GCSFileSystem, "_list", lambda self, prefix: iter(listed))
    assert set(list_folder("gs://models/1/")) == {"b/c"}


class Bucket:
    """What Beam's gs:// asks a store by, with files of no content."""

    def __init__(self, *paths: str) -> None:
        self.paths = set(paths)

    def list_files(
        self, prefix: str, with_metadata: bool
    ) -> Iterator[tuple[str, tuple[int, float]]]:
        assert with_metadata
        for path in self.paths:
            if path.startswith(prefix):
                yield path, (0, 0.0)

    def delete_batch(self, paths: list[str]) -> list[tuple[str, int | None]]:
        there = self.paths.intersection(paths)
        self.paths -= there
        return [(path, None if path in there else 503) for path in paths]


def test_no_name_is_a_pattern(folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("m[1]", "m*", "m?", "m{1}"):
        store(tmp_path, ["b/c"], f"{folder}/{name}")
        assert set(list_folder(f"{folder}/{name}")) == {"b/c"}
        (tmp_path / name).mkdir()
        (tmp_path / name / "a").touch()
        assert set(list_folder(str(tmp_path / name))) == {"a"}
    bucket = Bucket("gs://b/m[1]/a", "gs://b/m1/a")
    monkeypatch.setattr(GCSFileSystem, "_gcsIO", lambda self: bucket)
    assert set(list_folder("gs://b/m[1]")) == {"a"}
    delete("gs://b/m[1]", ["a"])
    assert bucket.paths == {"gs://b/m1/a"}


def test_of_several_errors_the_first_is_told_in_a_line(
    folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(GCSFileSystem, "_gcsIO", lambda self: Bucket())
    with pytest.raises(StorageError, match="^gs://b/m: it answers with HTTP status 503$"):
        delete("gs://b/m", ["a", "b"])

    def rename(before: list[str], after: list[str]) -> None:
        inner = BeamIOError("Copy operation failed", {"x": S3ClientError("Slow\n down", 503)})
        raise BeamIOError("Rename operation failed", {(before[0], after[0]): inner})

    monkeypatch.setattr(FileSystems, "rename", rename)
    says = rf"^{folder}/a: S3ClientError: Slow down \(HTTP status 503\)$"
    with pytest.raises(StorageError, match=says):
        store(tmp_path, ["a"], folder)


def test_links_on_this_machine_are_followed(tmp_path: Path) -> None:
    folder = tmp_path / "version"
    (folder / "a").mkdir(parents=True)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "c").write_text("four")
    (folder / "b").symlink_to("../elsewhere")
    assert {name: file.size for name, file in list_folder(str(folder)).items()} == {"b/c": 4}
    (folder / "back").symlink_to("../version")
    with pytest.raises(StorageError, match="^.*/version/back: a link that leads back to a folder"):
        list_folder(str(folder))
    (folder / "back").unlink()
    (folder / "nowhere").symlink_to("missing")
    with pytest.raises(StorageError, match="^.*/version/nowhere: No such file or directory"):
        list_folder(str(folder))
    (folder / "nowhere").unlink()
    os.mkfifo(folder / "pipe")
    with pytest.raises(StorageError, match="^.*/version/pipe: neither a file nor a folder"):
        list_folder(str(folder))
    assert list_folder(str(tmp_path / "missing")) == {}


def test_what_can_not_be_done_is_named(folder: str, tmp_path: Path) -> None:
    assert list_folder(f"{folder}/nothing") == {}
    with pytest.raises(StorageError, match=f"^{folder}/nothing: "):
        read_file(f"{folder}/nothing")
    with pytest.raises(StorageError, match=f"^{folder}/nothing: "):
        fetch(folder, ["nothing"], tmp_path)
    with pytest.raises(StorageError, match="^nowhere://b: "):
        list_folder("nowhere://b")


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError("the disk is broken")])
def test_a_copy_that_breaks_off_leaves_the_earlier_file(
    folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    def break_off(original: IO[bytes], stream: IO[bytes]) -> None:
        stream.write(original.read(2))
        raise error

    monkeypatch.setattr("preprocessing.stored_folders.shutil.copyfileobj", break_off)
    (tmp_path / "new").write_text("later")
    with pytest.raises((KeyboardInterrupt, StorageError)):
        store(tmp_path, ["b/c"], folder)
    with pytest.raises((KeyboardInterrupt, StorageError)):
        store(tmp_path, ["new"], folder)
    assert set(list_folder(folder)) == {"a", "b/c", "b/d.gz"}
    assert read_file(f"{folder}/b/c") == b"b/c"


def test_files_that_a_store_can_not_copy_at_once_go_under_their_name(
    folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("preprocessing.stored_folders._MOST_COPIED", 3)
    monkeypatch.delattr(FileSystems, "rename")
    (tmp_path / "large").write_text("large")
    store(tmp_path, ["large"], folder)
    assert read_file(f"{folder}/large") == b"large"


def test_an_empty_file_is_stored(folder: str, tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    store(tmp_path, ["empty"], folder)
    assert read_file(f"{folder}/empty") == b""


@pytest.mark.parametrize("name", ["../stolen", "b/../../stolen", "/stolen"])
def test_names_that_lead_out_of_a_folder_are_not_copied(
    folder: str, tmp_path: Path, name: str
) -> None:
    with pytest.raises(StorageError, match="its name leads out of"):
        fetch(folder, [name], tmp_path / "copy")
    assert not (tmp_path / "stolen").exists()


@pytest.mark.parametrize(("scheme", "extra"), [("gs", "gcs"), ("s3", "aws")])
def test_a_missing_package_is_named_with_the_line_that_installs_it(
    monkeypatch: pytest.MonkeyPatch, scheme: str, extra: str
) -> None:
    def find_spec(name: str) -> ModuleSpec | None:
        if name.startswith("google"):
            raise ModuleNotFoundError(name)
        return ModuleSpec(name, None) if name == "apache_beam" else None

    path = f"{scheme}://bucket/log.csv"
    assert missing_package(path) == ""
    monkeypatch.setattr(importlib.util, "find_spec", find_spec)
    says = rf"{path}: .* isn't installed: pip install 'srp4ctr\[{extra}\]'"
    with pytest.raises(DataError, match=says):
        match_files([path], "events.path")
    with pytest.raises(StorageError, match=says):
        list_folder(path)
    assert missing_package("/data/log.csv") == missing_package("hdfs://log.csv") == ""
