"""Models in a store: rolled out to it and from it, and served from it; on TensorFlow's ram:// as
Beam sees it."""

from __future__ import annotations

import re
import shutil
import threading
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from apache_beam.io.filesystems import FileSystems

from preprocessing.stored_folders import (
    StorageError,
    delete,
    list_folder,
    put_empty,
    read_file,
    store,
)
from serving import claims, put_in_store
from serving.client import RankingClient
from serving.errors import ServingError
from serving.manifest import check_manifest
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


def test_what_links_lead_to_goes_there(tmp_path: Path, models: str) -> None:
    version = a_version(tmp_path, 7)
    (version / "variables").rename(tmp_path / "elsewhere")
    (version / "variables").symlink_to("../elsewhere")
    rollout(version, models)
    check_manifest(Path(rollout(models, tmp_path / "served")))


def test_two_runs_with_a_number_put_two_versions_or_one_gives_up(
    tmp_path: Path, models: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other run does all its work where this one copies its first or last file."""
    monkeypatch.setattr(claims, "_SECONDS_BETWEEN", 0.0)
    whole = put_in_store.store

    def while_another_does(when: list[str], other: Path) -> None:
        def store_too(source: Path, names: list[str], folder: str) -> None:
            if (names == ["saved_model.pb"]) is (when == ["saved_model.pb"]):
                monkeypatch.setattr(put_in_store, "store", whole)
                others.append(rollout(other, models))
            whole(source, names, folder)

        monkeypatch.setattr(put_in_store, "store", store_too)

    others: list[str] = []
    mine, other = a_version(tmp_path / "a", 7), a_version(tmp_path / "b", 7)
    while_another_does([], other)
    says = "[0-9]+ was put there by another run meanwhile, so this one has changed nothing"
    with pytest.raises(ServingError, match=says):
        rollout(mine, models)
    assert versions(models) == {others[0].rpartition("/")[2]}
    assert origin_of(others[0]) == 7

    mine, other = a_version(tmp_path / "a", 5_000_000_000), a_version(tmp_path / "b", 5_000_000_000)
    while_another_does(["saved_model.pb"], other)
    says = f"5000000000 is there and whole, and so is {models}/5000000001, which another run put"
    with pytest.raises(ServingError, match=says):
        rollout(mine, models)
    assert {"5000000000", "5000000001"} < versions(models)
    for name in versions(models):
        check_manifest(fetch_version(f"{models}/{name}", tmp_path / "fetched"))


def test_a_version_that_came_before_the_claim_stays_as_it_is(
    tmp_path: Path, models: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    rollout(a_version(tmp_path, 7), models)
    other = a_version(tmp_path / "other", 7)
    (other / "variables" / "part-0").write_bytes(b"others!")
    write_manifest(str(other))
    with monkeypatch.context() as patched, pytest.raises(ServingError, match="is there already"):
        patched.setattr("serving.rollout.versions_at", lambda target: {})  # when it began
        rollout(other, models)
    assert read_file(f"{models}/7/variables/part-0") == b"weights"
    assert not [name for name in list_folder(models) if name.endswith(".part")]


def test_of_runs_that_claim_a_number_at_once_one_has_it(
    models: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_empty = claims.put_empty
    all_there = threading.Barrier(3, timeout=60)
    done = threading.Barrier(3, timeout=60)

    def put_together(folder: str, name: str) -> None:
        put_empty(folder, name)
        if folder.endswith("/7"):
            all_there.wait()

    def claim() -> None:
        with claims.claimed_number(models, 7, ()) as number:
            numbers.append(number)
            done.wait()

    numbers: list[int] = []
    monkeypatch.setattr(claims, "_SECONDS_BETWEEN", 0.2)
    monkeypatch.setattr(claims, "_LOOKS", 100)
    monkeypatch.setattr(claims, "put_empty", put_together)
    runs = [threading.Thread(target=claim) for _ in range(3)]
    for run in runs:
        run.start()
    for run in runs:
        run.join(timeout=60)
    assert numbers.count(7) == 1 and len(set(numbers)) == len(numbers) == 3
    assert versions(models) == set()


def test_the_number_of_a_killed_run_is_left_to_it_until_it_is_old(
    tmp_path: Path, models: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(claims, "_SECONDS_BETWEEN", 0.0)
    version = a_version(tmp_path, 7)
    left = f".srp4ctr_claim-{'0' * 32}.part"
    put_empty(f"{models}/7", left)
    store(version, ["variables/part-0"], f"{models}/7")
    final = rollout(version, models, keep=2)
    assert f"{models}/7: another run is at work there, or a killed" in capsys.readouterr().err
    assert (final == f"{models}/7", origin_of(final)) == (False, 7)
    assert versions(models) == {"7", final.rpartition("/")[2]}
    monkeypatch.setattr(put_in_store, "_IDLE_SECONDS", -1.0)
    later = rollout(a_version(tmp_path, 5_000_000_000), models, keep=2)
    assert versions(models) == {path.rpartition("/")[2] for path in (final, later)}


def test_what_breaks_off_leaves_nothing(
    tmp_path: Path, models: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = put_in_store.store

    def break_off(source: Path, names: list[str], folder: str) -> None:
        if names == ["saved_model.pb"]:
            raise KeyboardInterrupt
        whole(source, names, folder)

    monkeypatch.setattr(put_in_store, "store", break_off)
    with pytest.raises(KeyboardInterrupt):
        rollout(a_version(tmp_path, 7), models)
    assert versions(models) == set()


def test_what_can_not_be_removed_there_is_warned_of_and_goes_next(
    tmp_path: Path, models: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def delete_graph(folder: str, names: list[str]) -> None:
        if names != ["saved_model.pb"]:
            raise StorageError(f"{folder}: it went away")
        delete(folder, names)

    for number in (1, 2):
        rollout(a_version(tmp_path, number), models)
    with monkeypatch.context() as patched:
        patched.setattr(put_in_store, "delete", delete_graph)
        assert rollout(a_version(tmp_path, 3), models, keep=2) == f"{models}/3"
    assert "3 is there, but old versions may be, too: " in capsys.readouterr().err
    assert versions(models) == {"1", "2", "3"}
    monkeypatch.setattr(put_in_store, "_IDLE_SECONDS", -1.0)
    rollout(a_version(tmp_path, 4), models, keep=2)
    assert versions(models) == {"3", "4"}


def test_a_version_of_a_store_is_no_target(tmp_path: Path, models: str) -> None:
    rollout(a_version(tmp_path, 7), models)
    for target in (f"{models}/7", f"{models}/7/inner"):
        with pytest.raises(ServingError, match=f"^{target}: {models}/7 is a version, and"):
            rollout(tmp_path / "7", target)


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
