"""Models in a store: rolled out to it and from it, and served from it; on TensorFlow's ram:// as
Beam sees it."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from apache_beam.io.filesystems import FileSystems

from preprocessing.stored_folders import delete, list_folder, store
from serving.client import RankingClient
from serving.errors import ServingError
from serving.origin import origin_of
from serving.rollout import rollout
from serving.server import ModelServer
from serving.server.errors import ServerStartError
from serving.stored_versions import VersionCopies, fetch_version
from tests.ram_file_system import RamFileSystem
from tests.serving import toy_ranker
from trainer.export.manifest import write_manifest


@pytest.fixture
def models(tmp_path: Path) -> str:
    """The URL of a model's base path, where nothing is yet."""
    return f"{RamFileSystem.scheme()}://{tmp_path.name}/models/toy"


def a_version(folder: Path, number: int) -> Path:
    path = folder / str(number)
    (path / "variables").mkdir(parents=True)
    (path / "saved_model.pb").write_bytes(b"graph")
    (path / "variables" / "part-0").write_bytes(b"weights")
    write_manifest(str(path))
    return path


def versions(url: str) -> set[str]:
    return {name.partition("/")[0] for name in list_folder(url)}


def test_the_newest_version_goes_there_and_old_ones_go(tmp_path: Path, models: str) -> None:
    for number in (2, 9, 10):
        assert rollout(a_version(tmp_path, number), models, keep=2) == f"{models}/{number}"
    assert versions(models) == {"9", "10"}
    back = Path(rollout(models, tmp_path / "served"))
    assert (back.name, (back / "variables" / "part-0").read_bytes()) == ("10", b"weights")
    assert rollout(f"{models}/9", tmp_path / "older") == str(tmp_path / "older" / "9")


def test_a_version_becomes_the_latest_there_whatever_its_number(
    tmp_path: Path, models: str
) -> None:
    for number in (100, 200, 300):
        rollout(a_version(tmp_path, number), models)
    final = rollout(a_version(tmp_path / "source", 250), models)
    latest = final.rpartition("/")[2]
    assert int(latest) > 300 and versions(models) == {"200", "300", latest}
    assert origin_of(final) == 250
    with pytest.raises(ServingError, match=f"{final} is a later copy of version 250"):
        rollout(tmp_path / "source", models)


def test_a_version_that_is_there_is_never_changed(tmp_path: Path, models: str) -> None:
    version = a_version(tmp_path, 7)
    rollout(version, models)
    with pytest.raises(ServingError, match=f"{models}/7 is there already"):
        rollout(version, models)
    with pytest.raises(ServingError, match=f"{models}/none: no model version here"):
        rollout(f"{models}/none", tmp_path)


def test_half_a_version_is_none_and_the_next_roll_out_ends_it(tmp_path: Path, models: str) -> None:
    version = a_version(tmp_path, 7)
    store(version, ["variables/part-0"], f"{models}/7")
    with pytest.raises(ServingError, match="no model version here"):
        rollout(models, tmp_path / "served")
    rollout(version, models)
    assert rollout(models, tmp_path / "served") == str(tmp_path / "served" / "7")


def latest_of(found: Iterable[int]) -> list[int]:
    return [max(found)]


def test_what_a_roll_out_left_unfinished_is_no_part_of_a_version(
    tmp_path: Path, models: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stores rename by a copy: for a time the file has both names."""
    monkeypatch.setattr(FileSystems, "rename", FileSystems.copy)
    rollout(a_version(tmp_path, 1), models)
    unfinished = [name for name in list_folder(models) if name.endswith(".part")]
    assert any("saved_model.pb" in name for name in unfinished)
    copies = VersionCopies(tmp_path / "copies")
    copies.find(models, latest_of)
    assert not list((tmp_path / "copies").rglob("*.part"))
    assert not list(fetch_version(f"{models}/1", tmp_path / "fetched").rglob("*.part"))


def test_a_copy_that_somebody_removed_stops_nothing(tmp_path: Path, models: str) -> None:
    rollout(a_version(tmp_path, 1), models)
    copies = VersionCopies(tmp_path / "copies")
    copies.find(models, latest_of)
    shutil.rmtree(tmp_path / "copies" / "1")
    rollout(a_version(tmp_path, 2), models)
    for _ in range(2):
        found = copies.find(models, latest_of)
        assert (found[2] / "saved_model.pb").read_bytes() == b"graph"
        assert versions(str(tmp_path / "copies")) == {"2"}


def test_a_copy_that_somebody_removed_is_made_anew_when_the_store_has_other_files(
    tmp_path: Path, models: str
) -> None:
    rollout(a_version(tmp_path, 1), models)
    copies = VersionCopies(tmp_path / "copies")
    copies.find(models, latest_of)
    shutil.rmtree(tmp_path / "copies")
    (tmp_path / "1" / "saved_model.pb").write_bytes(b"another graph")
    store(tmp_path / "1", ["saved_model.pb"], f"{models}/1")
    found = copies.find(models, latest_of)
    assert (found[1] / "saved_model.pb").read_bytes() == b"another graph"


def test_versions_of_another_url_are_copied_whatever_they_look_like(
    tmp_path: Path, models: str
) -> None:
    other = f"{models}-other"
    copies = VersionCopies(tmp_path / "copies")
    for url in (models, other):
        rollout(a_version(tmp_path / url.rpartition("/")[2], 1), url)
    (tmp_path / "saved_model.pb").write_bytes(b"other")  # as long, and of the same time
    store(tmp_path, ["saved_model.pb"], f"{other}/1")
    for url, graph in ((models, b"graph"), (other, b"other"), (models, b"graph")):
        assert (copies.find(url, latest_of)[1] / "saved_model.pb").read_bytes() == graph


def test_the_server_follows_a_store(
    saved: dict[int, Path],
    start: Callable[..., ModelServer],
    eventually: Callable[..., None],
    models: str,
) -> None:
    rollout(saved[1], models)
    server = start(models, num_versions=1)
    assert server.models == {toy_ranker.NAME: [1]}
    with RankingClient(f"127.0.0.1:{server.grpc_port}", toy_ranker.NAME, 20) as client:
        user = {"user_id": "1", "age": 0.0, "history_item_id": ["7", "8"]}
        assert client.rank(user, ["5"], by="click")[0][1]["click"] == 53
        rollout(saved[2], models)
        eventually(lambda: server.versions == [2])
        assert client.rank(user, ["5"], by="click")[0][1]["click"] == 53
    delete(f"{models}/2", list_folder(f"{models}/2"))
    eventually(lambda: server.versions == [1])


def test_a_version_that_is_not_whole_is_loaded_when_it_is(
    saved: dict[int, Path], start: Callable[..., ModelServer], models: str, tmp_path: Path
) -> None:
    version = tmp_path / "1"
    shutil.copytree(saved[1], version)
    write_manifest(str(version))
    names = {path.relative_to(version).as_posix() for path in version.rglob("*") if path.is_file()}
    variables = {name for name in names if name.startswith("variables/")}
    store(version, names - variables, f"{models}/1")
    with pytest.raises(ServerStartError, match="manifest has .* bytes. Found: nothing"):
        start(models)
    store(version, variables, f"{models}/1")
    assert start(models).versions == [1]


def test_a_store_that_can_not_be_asked_is_named(start: Callable[..., ModelServer]) -> None:
    with pytest.raises(
        ServerStartError, match=re.escape("nowhere://m: can't be read: nowhere://m")
    ):
        start("nowhere://m")
