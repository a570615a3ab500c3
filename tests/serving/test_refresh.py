"""The next version with a newer statistics table: files alone, no model."""

from __future__ import annotations

import io
import json
import shutil
import threading
from pathlib import Path

import pytest

from preprocessing.stored_folders import list_folder, read_file
from serving import contract, put_in_store
from serving.errors import ServingError
from serving.manifest import check_manifest, renew_manifest
from serving.origin import origin_of
from serving.refresh import as_of_at, refresh, spec_of
from serving.rollout import rollout
from serving.target_lock import LOCK_FILE, target_lock
from tests.ram_file_system import RamFileSystem
from tests.serving.conftest import Eventually


def _version(folder: Path, table: str | None = "old\n") -> Path:
    version = folder / "7"
    files = {"saved_model.pb": "graph", contract.CONFIG_FILE: json.dumps({"spec": {"name": "toy"}})}
    if table is not None:
        files[contract.STATISTICS_FILE] = table
    for name, content in files.items():
        (version / name).parent.mkdir(parents=True, exist_ok=True)
        (version / name).write_text(content)
    (version / contract.MANIFEST_FILE).write_text(json.dumps({"files": {}}))
    renew_manifest(version, files)
    return version


def test_the_next_version_has_the_newer_table_and_all_else(tmp_path: Path) -> None:
    old = _version(tmp_path / "model")
    table = tmp_path / "table"
    table.write_text("newer\n")
    assert spec_of(tmp_path / "model") == {"name": "toy"}
    new = Path(refresh(tmp_path / "model", table))
    assert int(new.name) > 7
    check_manifest(new)
    check_manifest(old)
    assert (new / contract.STATISTICS_FILE).read_text() == "newer\n"
    assert (new / "saved_model.pb").read_text() == "graph"
    assert (old / contract.STATISTICS_FILE).read_text() == "old\n"
    again = Path(refresh(tmp_path / "model", table))
    assert int(again.name) > int(new.name)  # even within the same second
    assert not list((tmp_path / "model").glob(".incoming-*"))


def test_old_versions_go(tmp_path: Path) -> None:
    _version(tmp_path / "model")
    table = tmp_path / "table"
    table.write_text("newer\n")
    made = [Path(refresh(tmp_path / "model", table, keep=2)) for _ in range(2)]
    found = {path.name for path in (tmp_path / "model").iterdir()}
    assert found == {path.name for path in made} | {LOCK_FILE}


def test_a_rollout_after_it_is_served_and_refreshed_next(tmp_path: Path) -> None:
    _version(tmp_path / "model")
    table = tmp_path / "table"
    table.write_text("newer\n")
    refreshed = Path(refresh(tmp_path / "model", table))
    assert origin_of(str(refreshed)) == 7
    trained = _version(tmp_path / "run").rename(tmp_path / "run" / "8")
    with pytest.raises(ServingError, match="is there already"):
        rollout(refreshed, tmp_path / "model")
    served = Path(rollout(trained, tmp_path / "model"))
    assert int(served.name) > int(refreshed.name)
    latest = Path(refresh(tmp_path / "model", table))
    assert (int(latest.name) > int(served.name), origin_of(str(latest))) == (True, 8)
    with pytest.raises(ServingError, match=f"{latest} is a later copy of version 8, as"):
        rollout(trained, tmp_path / "model", keep=2)


def test_what_is_rolled_out_while_it_waits_is_what_it_refreshes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, eventually: Eventually
) -> None:
    told = io.StringIO()  # not capsys, which may lose what another thread writes as it is read
    monkeypatch.setattr("sys.stderr", told)
    model = tmp_path / "model"
    old = _version(model)
    table = tmp_path / "table"
    table.write_text("newer\n")
    waiting = threading.Thread(target=refresh, args=(model, table))
    with target_lock(str(model)):
        waiting.start()
        eventually(lambda: "waits for another run" in told.getvalue())
        shutil.copytree(old, model / "9")
    waiting.join()
    assert origin_of(str(max(model.glob("[0-9]*"), key=lambda path: int(path.name)))) == 9


def test_a_version_that_was_not_copied_whole_is_not_refreshed(tmp_path: Path) -> None:
    old = _version(tmp_path / "model")
    table = tmp_path / "table"
    table.write_text("newer\n")
    (old / "saved_model.pb").write_text("gra")
    with pytest.raises(ServingError, match="the manifest has 5 bytes"):
        refresh(tmp_path / "model", table)


def test_a_model_in_a_store_is_refreshed_there(tmp_path: Path) -> None:
    models = f"{RamFileSystem.scheme()}://{tmp_path.name}/models/toy"
    rollout(_version(tmp_path), models)
    table = tmp_path / "table"
    table.write_text("newer\n")
    assert spec_of(models) == {"name": "toy"}
    new = refresh(models, table)
    assert spec_of(models) == {"name": "toy"}
    assert read_file(f"{new}/{contract.STATISTICS_FILE}") == b"newer\n"
    assert read_file(f"{models}/7/{contract.STATISTICS_FILE}") == b"old\n"
    check_manifest(Path(rollout(models, tmp_path / "served")))


def test_a_run_that_was_quicker_in_a_store_is_not_hidden(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    models = f"{RamFileSystem.scheme()}://{tmp_path.name}/models/toy"
    version = _version(tmp_path)
    rollout(version, models)
    table = tmp_path / "table"
    table.write_text("newer\n")
    copy_whole = put_in_store.store

    def another_comes(source: Path, names: list[str], folder: str) -> None:
        copy_whole(source, names, folder)
        copy_whole(version, ["saved_model.pb"], f"{models}/9")

    monkeypatch.setattr(put_in_store, "store", another_comes)
    with pytest.raises(ServingError, match="toy/9 was put there by another run meanwhile"):
        refresh(models, table)
    assert {name.partition("/")[0] for name in list_folder(models)} == {"7", "9"}


def test_a_model_without_statistics_is_refused(tmp_path: Path) -> None:
    _version(tmp_path / "model", table=None)
    with pytest.raises(ServingError, match="because the model's spec has no statistics"):
        spec_of(tmp_path / "model")


def test_a_version_itself_is_no_base_path(tmp_path: Path) -> None:
    version = _version(tmp_path / "model")
    for call in (spec_of, as_of_at, lambda target: refresh(target, tmp_path / "table")):
        with pytest.raises(ServingError, match=f"^{version}: {version} is a version, and"):
            call(version)


def test_damaged_files_of_a_version_are_named(tmp_path: Path) -> None:
    version = _version(tmp_path / "model")
    for name, read in (
        (contract.CONFIG_FILE, spec_of),
        (contract.STATISTICS_AS_OF_FILE, as_of_at),
    ):
        (version / name).parent.mkdir(exist_ok=True)
        for content in ("", "[", '{"spe'):
            (version / name).write_text(content)
            with pytest.raises(ServingError, match=f"^{version}/{name}: it isn't what the export"):
                read(tmp_path / "model")
