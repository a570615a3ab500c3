"""A version appears whole or not at all, whenever the copy is killed."""

import io
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from preprocessing.stored_folders import StorageError
from serving.errors import ServingError
from serving.manifest import check_manifest
from serving.origin import origin_of
from serving.rollout import main, rollout
from serving.target_lock import LOCK_FILE, target_lock
from tests.serving.conftest import Eventually
from trainer.export.manifest import write_manifest


def _version(folder: Path, number: int, files: int = 3, size: int = 1000) -> Path:
    path = folder / str(number)
    (path / "variables").mkdir(parents=True)
    (path / "saved_model.pb").write_bytes(b"graph")
    for n in range(files):
        (path / "variables" / f"part-{n}").write_bytes(bytes([n % 256]) * size)
    return path


def _names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} - {LOCK_FILE}


def test_the_newest_version_is_copied_and_old_ones_go(tmp_path: Path) -> None:
    for number in (2, 9, 10):
        _version(tmp_path / "source", number)
    for number in (1, 3, 8):
        _version(tmp_path / "target", number)
    final = Path(rollout(tmp_path / "source", tmp_path / "target", keep=3))
    assert final == tmp_path / "target" / "10"
    assert _names(tmp_path / "target") == {"3", "8", "10"}
    source = tmp_path / "source" / "10"
    copied = {
        path.relative_to(final): path.read_bytes() for path in final.rglob("*") if path.is_file()
    }
    assert copied == {
        path.relative_to(source): path.read_bytes() for path in source.rglob("*") if path.is_file()
    }


def test_a_version_itself_may_be_named(tmp_path: Path) -> None:
    assert rollout(_version(tmp_path, 4), tmp_path / "target") == str(tmp_path / "target" / "4")


@pytest.mark.parametrize("number", [7, 8])
def test_a_version_that_is_there_is_never_changed(tmp_path: Path, number: int) -> None:
    _version(tmp_path / "target", number)
    version = _version(tmp_path / "source", number, files=5)
    with pytest.raises(ServingError, match="is there already"):
        rollout(version, tmp_path / "target")
    assert len(list((tmp_path / "target" / str(number) / "variables").iterdir())) == 3


def test_a_version_becomes_the_latest_whatever_its_number(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in (100, 200, 300):
        _version(tmp_path / "target", number)
    write_manifest(str(_version(tmp_path / "source", 250)))
    main([str(tmp_path / "source"), str(tmp_path / "target")])
    latest = max(_names(tmp_path / "target"), key=int)
    assert int(latest) > 300 and _names(tmp_path / "target") == {"200", "300", latest}
    final = tmp_path / "target" / latest
    check_manifest(final)
    assert origin_of(str(final)) == 250
    told = f"Rolled out {final}, which was version 250 when pushed\n"
    assert capsys.readouterr().out == told
    # It is the latest there: once more would put the same there.
    with pytest.raises(
        ServingError, match=f"{latest} is a later copy of version 250, as `srp4ctr roll"
    ):
        rollout(tmp_path / "source", tmp_path / "target")


def test_a_copy_of_a_copy_says_what_the_first_was(tmp_path: Path) -> None:
    _version(tmp_path / "first", 300)
    first = rollout(_version(tmp_path / "source", 250), tmp_path / "first")
    later = str(int(Path(first).name) + 1_000_000)
    _version(tmp_path / "second", int(later))
    assert origin_of(rollout(tmp_path / "first", tmp_path / "second")) == 250


def test_a_copy_that_another_run_works_on_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, eventually: Eventually
) -> None:
    told = io.StringIO()  # not capsys, which may lose what another thread writes as it is read
    monkeypatch.setattr("sys.stderr", told)
    target = tmp_path / "target"
    version = _version(tmp_path / "source", 4)
    waiting = threading.Thread(target=rollout, args=(version, target))
    with target_lock(str(target)):
        (target / ".incoming-3").mkdir()
        waiting.start()
        eventually(lambda: "waits for another run" in told.getvalue())
        assert _names(target) == {".incoming-3"}
        (target / ".incoming-3").rename(target / "3")
        (target / "3" / "saved_model.pb").write_bytes(b"graph")
    waiting.join()
    assert _names(target) == {"3", "4"}


def test_a_version_that_is_not_whole_is_not_put_there(tmp_path: Path) -> None:
    version = _version(tmp_path / "source", 4)
    write_manifest(str(version))
    cut = version / "variables" / "part-1"
    cut.write_bytes(cut.read_bytes()[:40])
    with pytest.raises(ServingError, match="part-1: the manifest has 1000 bytes. Found: 40 bytes"):
        rollout(version, tmp_path / "target")
    assert not (tmp_path / "target" / "4").exists()
    cut.write_bytes(bytes([1]) * 1000)
    assert rollout(version, tmp_path / "target") == str(tmp_path / "target" / "4")


def test_a_version_whose_manifest_is_missing_is_not_put_there(tmp_path: Path) -> None:
    version = _version(tmp_path / "source", 4)
    (version / "saved_model.pb").write_bytes(b"a graph with an input user_state_bytes:0")
    with pytest.raises(ServingError, match="manifest.json: the export wrote a manifest, and it"):
        rollout(version, tmp_path / "target")
    write_manifest(str(version))
    assert rollout(version, tmp_path / "target") == str(tmp_path / "target" / "4")


def test_what_is_no_version_is_refused(tmp_path: Path) -> None:
    (tmp_path / "12").mkdir()
    _version(tmp_path, 1).rename(tmp_path / "latest")
    with pytest.raises(ServingError, match="no model version here"):
        rollout(tmp_path, tmp_path / "target")
    with pytest.raises(SystemExit, match="At least two versions must stay"):
        main([str(tmp_path), str(tmp_path / "target"), "--keep", "1"])


def test_a_number_that_no_answer_can_carry_is_refused(tmp_path: Path) -> None:
    _version(tmp_path, 20261129130501123456)  # a time with microseconds
    with pytest.raises(ServingError, match="a number up to 9223372036854775807"):
        rollout(tmp_path, tmp_path / "target")


def test_what_links_lead_to_is_copied_and_no_old_link_is_followed(tmp_path: Path) -> None:
    version = _version(tmp_path / "source", 4)
    (version / "variables").rename(tmp_path / "elsewhere")
    (version / "variables").symlink_to("../../elsewhere")
    target = tmp_path / "target"
    elsewhere = _version(tmp_path / "old", 1)
    target.mkdir()
    (target / "1").symlink_to(elsewhere)
    (target / ".incoming-x").write_text("no folder")
    (target / ".removed-0").symlink_to("nowhere")
    _version(target, 2)
    final = Path(rollout(version, target, keep=2))
    assert _names(target) == {"2", "4"}
    assert len(list((final / "variables").iterdir())) == 3
    assert not (final / "variables").is_symlink() and (elsewhere / "saved_model.pb").exists()


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_a_copy_that_breaks_off_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    def break_off(source: str, copy: str, follow_symlinks: bool) -> None:
        Path(copy).write_text("half")
        raise error

    version = _version(tmp_path / "source", 4)
    monkeypatch.setattr("shutil.copyfile", break_off)
    says = f"^{version} can't be copied: {version}/[^ ]*: .Errno 28. No space left on device$"
    with pytest.raises((ServingError, KeyboardInterrupt)) as raised:
        rollout(version, tmp_path / "target")
    assert isinstance(error, KeyboardInterrupt) or raised.match(says)
    assert _names(tmp_path / "target") == set()


def test_a_version_that_links_lead_round_in_is_not_copied(tmp_path: Path) -> None:
    version = _version(tmp_path / "source", 4)
    (version / "variables" / "back").symlink_to("../../4")
    with pytest.raises(StorageError, match="variables/back: a link that leads back"):
        rollout(version, tmp_path / "target")


def test_an_old_version_that_can_not_be_removed_is_warned_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(path: Path) -> None:
        (path / "saved_model.pb").unlink()  # as a run that is killed here
        raise PermissionError(13, "Permission denied")

    target = tmp_path / "target"
    for number in (1, 2):
        _version(target, number)
    with monkeypatch.context() as patched:
        patched.setattr("shutil.rmtree", refuse)
        assert rollout(_version(tmp_path, 3), target, keep=2) == str(target / "3")
    told = capsys.readouterr().err
    assert told.startswith(f"{target}/.removed-1 can't be removed: Permission denied. ")
    assert _names(target) == {".removed-1", "2", "3"}
    rollout(_version(tmp_path, 4), target, keep=2)
    assert _names(target) == {"3", "4"}


def test_half_a_version_is_told_from_one(tmp_path: Path) -> None:
    (tmp_path / "target" / "4" / "variables").mkdir(parents=True)
    with pytest.raises(ServingError, match="4 is there, but saved_model.pb isn't in it: .* Remove"):
        rollout(_version(tmp_path, 4), tmp_path / "target")


def test_a_damaged_note_of_the_origin_is_named(tmp_path: Path) -> None:
    for number in (4, 5):
        _version(tmp_path / "target", number)
    note = tmp_path / "target" / "5" / "assets.extra" / "srp4ctr_origin.json"
    note.parent.mkdir()
    for content in ("", "{", "[]", "{}", '{"version": "5"}'):
        note.write_text(content)
        with pytest.raises(ServingError, match=f"^{note}: it doesn't say which version"):
            rollout(_version(tmp_path / f"source{content}", 3), tmp_path / "target")


def test_where_no_later_number_is_left_nothing_is_put(tmp_path: Path) -> None:
    _version(tmp_path / "target", 2**63 - 1)
    with pytest.raises(ServingError, match="has version 9223372036854775807, after which"):
        rollout(_version(tmp_path, 4), tmp_path / "target")
    assert _names(tmp_path / "target") == {str(2**63 - 1)}


def test_only_a_base_path_is_a_target(tmp_path: Path) -> None:
    version = _version(tmp_path, 4)
    (tmp_path / "link").symlink_to(version)
    for target in (version, version / "inner" / "deeper", tmp_path / "link" / "inner"):
        with pytest.raises(ServingError, match=f"^{target}: {version} is a version, and"):
            rollout(version, target)
    assert _names(version) == {"saved_model.pb", "variables"}
    for paths in (("", tmp_path / "target"), (version, "")):
        with pytest.raises(ServingError, match="empty"):
            rollout(*paths)


def test_a_target_that_can_not_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ServingError, match="file/target can't be made or locked: .*Not a dir"):
        rollout(_version(tmp_path, 4), tmp_path / "file" / "target")


@pytest.mark.slow
def test_a_killed_copy_leaves_no_version_and_the_next_run_cleans_up(tmp_path: Path) -> None:
    source = _version(tmp_path / "source", 5, files=3000, size=50_000)
    target = tmp_path / "target"
    command = [sys.executable, "-m", "serving.rollout", str(source.parent), str(target)]
    process = subprocess.Popen(command, cwd=Path(__file__).parents[2])
    deadline = time.monotonic() + 120
    while not (target / ".incoming-5" / "variables").exists():
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.001)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert _names(target) == {".incoming-5"}
    assert len(list((target / ".incoming-5" / "variables").iterdir())) < 3000
    subprocess.run(command, cwd=Path(__file__).parents[2], check=True)
    assert _names(target) == {"5"}
    assert len(list((target / "5" / "variables").iterdir())) == 3000
