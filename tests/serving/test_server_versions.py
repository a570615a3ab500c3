"""Versions that come and go while the server runs."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import grpc
import pytest

from serving import contract
from serving.server import ModelOptions, ServerOptions, ServerStartError, settling
from serving.server.warmup import MAX_RECORDS
from tests.serving import toy_ranker, wire
from tests.serving.conftest import Connect, Eventually, Push, StartServer, Target


def served(target: Target) -> int:
    """The version that answers a request that names none."""
    return wire.predict(target, contract.ENCODE_USER, wire.USER).model_spec.version.value


def wait_for_end(target: Target, version: int, eventually: Eventually) -> Any:
    eventually(lambda: wire.states(target.model).get(version) == "END")
    statuses = target.model.GetModelStatus(
        wire.status_request(version=version)
    ).model_version_status
    return statuses[0].status


def test_a_new_version_replaces_the_old(
    saved: dict[int, Path],
    model_dir: Path,
    start: StartServer,
    connect: Connect,
    push: Push,
    eventually: Eventually,
) -> None:
    target = connect(start(model_dir))
    assert served(target) == 1
    push(saved[2], model_dir)
    eventually(lambda: served(target) == 2)
    eventually(lambda: wire.states(target.model) == {2: "AVAILABLE", 1: "END"})
    error = wire.error_of(
        target.prediction.Predict, wire.predict_request(contract.ENCODE_USER, wire.USER, version=1)
    )
    assert error == (grpc.StatusCode.NOT_FOUND, "Servable not found for request: Specific(toy, 1)")


def test_no_request_fails_during_the_roll(
    saved: dict[int, Path],
    model_dir: Path,
    start: StartServer,
    connect: Connect,
    push: Push,
    eventually: Eventually,
) -> None:
    target = connect(start(model_dir))
    push(saved[2], model_dir)
    found: list[int] = []

    def is_new() -> bool:
        found.append(served(target))
        return found[-1] == 2

    eventually(is_new)
    assert found == sorted(found) and found[0] == 1


def test_two_versions_and_the_pin(
    saved: dict[int, Path],
    model_dir: Path,
    start: StartServer,
    connect: Connect,
    push: Push,
    eventually: Eventually,
) -> None:
    target = connect(start(model_dir, num_versions=2))
    push(saved[2], model_dir)
    eventually(lambda: served(target) == 2)
    pinned = wire.predict(target, contract.ENCODE_USER, wire.USER, version=1)
    assert pinned.model_spec.version.value == 1
    assert wire.outputs(pinned)["user_state_bytes"][0].startswith(b"1|")
    push(saved[3], model_dir)
    eventually(lambda: wire.states(target.model) == {3: "AVAILABLE", 2: "AVAILABLE", 1: "END"})


def test_only_the_latest_versions_are_loaded_at_first(
    saved: dict[int, Path], model_dir: Path, start: StartServer, push: Push
) -> None:
    push(saved[2], model_dir)
    assert start(model_dir).versions == [2]


def test_a_removed_version_is_replaced_by_the_one_before(
    saved: dict[int, Path],
    model_dir: Path,
    start: StartServer,
    connect: Connect,
    push: Push,
    eventually: Eventually,
) -> None:
    push(saved[2], model_dir)
    target = connect(start(model_dir))
    assert served(target) == 2
    (model_dir / "2").rename(model_dir / "withdrawn")
    eventually(lambda: served(target) == 1)


def test_what_is_no_version_is_ignored(
    saved: dict[int, Path], model_dir: Path, start: StartServer, connect: Connect
) -> None:
    shutil.copytree(saved[2], model_dir / "2.tmp")
    (model_dir / "3").mkdir()
    (model_dir / "4").write_text("a file")
    server = start(model_dir)
    assert server.versions == [1]
    assert wire.states(connect(server).model) == {1: "AVAILABLE"}


LARGEST = 2**63 - 1


def test_a_number_that_no_answer_can_carry_is_no_version(
    saved: dict[int, Path], model_dir: Path, start: StartServer, connect: Connect
) -> None:
    shutil.copytree(saved[2], model_dir / "20261129130501123456")  # a time with microseconds
    assert served(connect(start(model_dir))) == 1
    shutil.copytree(saved[2], model_dir / str(LARGEST))
    assert served(connect(start(model_dir))) == LARGEST
    shutil.rmtree(model_dir / "1")
    shutil.rmtree(model_dir / str(LARGEST))
    with pytest.raises(
        ServerStartError,
        match="no version .* 20261129130501123456 is none: a version's number is at most 9223372",
    ):
        start(model_dir)


def test_a_half_copied_version_is_not_served_until_it_is_whole(
    saved: dict[int, Path],
    model_dir: Path,
    start: StartServer,
    connect: Connect,
    eventually: Eventually,
) -> None:
    target = connect(start(model_dir))
    (model_dir / "2").mkdir()
    shutil.copy(saved[2] / "saved_model.pb", model_dir / "2")
    assert wait_for_end(target, 2, eventually).error_code != 0
    assert served(target) == 1
    shutil.copytree(saved[2], model_dir / "2", dirs_exist_ok=True)
    eventually(lambda: served(target) == 2)


def test_a_version_is_left_alone_while_its_files_grow(
    saved: dict[int, Path], model_dir: Path, start: StartServer, eventually: Eventually
) -> None:
    server = start(model_dir, poll_seconds=1)  # far longer than between two writes
    shutil.copytree(saved[2], model_dir / "2")
    growing = model_dir / "2" / "assets" / "vocabulary"

    def grow() -> bool:
        with growing.open("a") as file:
            file.write("item\n")
        return 2 in server.versions

    with pytest.raises(AssertionError, match="never held"):
        eventually(grow, timeout_seconds=3)
    eventually(lambda: server.versions == [2])


def test_a_failing_warm_up_is_not_served(
    saved: dict[int, Path],
    model_dir: Path,
    start: StartServer,
    connect: Connect,
    eventually: Eventually,
) -> None:
    target = connect(start(model_dir))
    bad = shutil.copytree(saved[2], model_dir / "incoming")
    toy_ranker.write_warmup(bad, [toy_ranker.warmup_log("1"), toy_ranker.warmup_log("no number")])
    bad.rename(model_dir / "2")
    status = wait_for_end(target, 2, eventually)
    assert (status.error_code, served(target)) == (grpc.StatusCode.INVALID_ARGUMENT.value[0], 1)
    assert "no number" in status.error_message


@pytest.mark.parametrize(("records", "is_served"), [(MAX_RECORDS, True), (MAX_RECORDS + 1, False)])
def test_warm_up_has_a_limit(
    model_dir: Path, start: StartServer, records: int, is_served: bool
) -> None:
    toy_ranker.write_warmup(model_dir / "1", [toy_ranker.warmup_log("1")] * records)
    if is_served:
        assert start(model_dir).versions == [1]
        return
    with pytest.raises(
        ServerStartError,
        match=r"Number of warmup records exceeds the maximum \(1000\) at .*requests",
    ):
        start(model_dir)


def test_warm_up_of_another_kind_fails(model_dir: Path, start: StartServer) -> None:
    log = toy_ranker.prediction_log_pb2.PredictionLog()
    log.session_run_log.SetInParent()
    toy_ranker.write_warmup(model_dir / "1", [log])
    with pytest.raises(ServerStartError, match="Unsupported log_type for warmup: session_run_log"):
        start(model_dir)


@pytest.mark.slow
def test_requests_under_way_finish_before_their_version_is_unloaded(
    saved: dict[int, Path],
    model_dir: Path,
    start: StartServer,
    connect: Connect,
    push: Push,
    eventually: Eventually,
) -> None:
    target = connect(start(model_dir))
    call = target.prediction.Predict.future(
        wire.slow_request(target, seconds=3), timeout=wire.TIMEOUT_SECONDS
    )
    push(saved[2], model_dir)
    eventually(lambda: wire.states(target.model) == {2: "AVAILABLE", 1: "UNLOADING"})
    assert not call.done()
    assert served(target) == 2
    assert call.result().model_spec.version.value == 1
    eventually(lambda: wire.states(target.model) == {2: "AVAILABLE", 1: "END"})


def test_a_base_path_that_vanishes_changes_nothing(
    model_dir: Path,
    start: StartServer,
    connect: Connect,
    eventually: Eventually,
    caplog: pytest.LogCaptureFixture,
) -> None:
    target = connect(start(model_dir))
    model_dir.rename(model_dir.with_name("away"))
    eventually(lambda: "can't be read" in caplog.text)
    assert served(target) == 1


@pytest.fixture(scope="module")
def earlier(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    """Versions 1 and 2 as they were before exports wrote manifests."""
    base = tmp_path_factory.mktemp("earlier")
    paths = {}
    for version in (1, 2):
        paths[version] = toy_ranker.save(base, version, state_name=contract.OLD_USER_STATE)
        (paths[version] / contract.MANIFEST_FILE).unlink()
    return paths


def copy_over(saved_path: Path, model_dir: Path, number: int) -> Path:
    return shutil.copytree(saved_path, model_dir / str(number), dirs_exist_ok=True)


def settle(seconds: float) -> ServerOptions:
    return ServerOptions(models=ModelOptions(settle_seconds=seconds))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "fingerprint.pb: the manifest has "),
        (lambda whole: whole[:3], "bytes. Found: 3 bytes. Is a copy still going on?"),
        (
            lambda whole: bytes(len(whole)),
            "fingerprint.pb: its content is not what the manifest says (SHA-256)",
        ),
    ],
    ids=["missing", "cut", "other"],
)
def test_a_copy_that_stalls_is_never_served(
    saved: dict[int, Path],
    model_dir: Path,
    start: StartServer,
    connect: Connect,
    push: Push,
    eventually: Eventually,
    content: Callable[[bytes], bytes] | None,
    message: str,
) -> None:
    target = connect(start(model_dir, options=settle(0)))
    whole = (saved[2] / "fingerprint.pb").read_bytes()
    incoming = shutil.copytree(saved[2], model_dir / "incoming")
    (incoming / "fingerprint.pb").unlink()
    if content is not None:
        (incoming / "fingerprint.pb").write_bytes(content(whole))
    incoming.rename(model_dir / "2")
    status = wait_for_end(target, 2, eventually)
    assert status.error_code == grpc.StatusCode.DATA_LOSS.value[0]
    assert message in status.error_message and served(target) == 1
    (model_dir / "2" / "fingerprint.pb").write_bytes(whole)
    eventually(lambda: served(target) == 2)


def test_a_copy_that_stalls_before_its_manifest_is_never_served(
    saved: dict[int, Path],
    model_dir: Path,
    start: StartServer,
    connect: Connect,
    push: Push,
    eventually: Eventually,
) -> None:
    target = connect(start(model_dir, options=settle(0)))
    incoming = shutil.copytree(saved[2], model_dir / "incoming")
    shutil.rmtree(incoming / "assets.extra")
    incoming.rename(model_dir / "2")
    status = wait_for_end(target, 2, eventually)
    assert status.error_code == grpc.StatusCode.DATA_LOSS.value[0]
    assert "the export wrote a manifest, and it isn't there" in status.error_message
    assert served(target) == 1
    copy_over(saved[2], model_dir, 2)
    eventually(lambda: served(target) == 2)


def test_a_manifest_that_is_cut(
    saved: dict[int, Path], model_dir: Path, start: StartServer
) -> None:
    manifest = model_dir / "1" / contract.MANIFEST_FILE
    manifest.write_text(manifest.read_text()[:50])
    with pytest.raises(ServerStartError, match="srp4ctr_manifest.json: no manifest of a version"):
        start(model_dir)


def test_files_beside_the_manifest_may_be_there(model_dir: Path, start: StartServer) -> None:
    (model_dir / "1" / "assets.extra" / "card.md").write_text("added after the export")
    assert start(model_dir).versions == [1]


def test_a_version_without_a_manifest_must_settle(
    earlier: dict[int, Path],
    model_dir: Path,
    start: StartServer,
    eventually: Eventually,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ages = [1.0]

    def seconds_unchanged(path: Path) -> float:
        ages.append(ages[0])
        return ages[0]

    monkeypatch.setattr(settling, "seconds_unchanged", seconds_unchanged)
    server = start(model_dir, options=settle(5))
    copy_over(earlier[2], model_dir, 2)
    eventually(lambda: len(ages) > 5)
    assert server.versions == [1]
    ages[0] = 6.0
    eventually(lambda: server.versions == [2])


def test_a_start_waits_for_a_version_without_a_manifest(
    earlier: dict[int, Path], tmp_path: Path, start: StartServer
) -> None:
    copy_over(earlier[1], tmp_path, 1)
    assert start(tmp_path, options=settle(0.5)).versions == [1]


def test_a_version_without_a_manifest_is_loaded_again_when_its_files_change(
    earlier: dict[int, Path],
    model_dir: Path,
    start: StartServer,
    connect: Connect,
    eventually: Eventually,
) -> None:
    copy_over(earlier[1], model_dir, 2)
    target = connect(start(model_dir, options=settle(0)))

    def state() -> bytes:
        found = wire.outputs(wire.predict(target, contract.ENCODE_USER, wire.USER))
        return found[contract.OLD_USER_STATE][0][:2]

    assert (served(target), state()) == (2, b"1|")
    copy_over(earlier[2], model_dir, 2)
    eventually(lambda: state() == b"2|")
    assert wire.states(target.model)[2] == "AVAILABLE"


def test_a_version_that_is_spoilt_later_stays_as_it_was(
    earlier: dict[int, Path],
    model_dir: Path,
    start: StartServer,
    connect: Connect,
    eventually: Eventually,
    caplog: pytest.LogCaptureFixture,
) -> None:
    path = copy_over(earlier[1], model_dir, 2)
    target = connect(start(model_dir, options=settle(0)))
    (path / "saved_model.pb").write_bytes(b"spoilt")
    eventually(lambda: "version 2 of model 'toy' is not served from" in caplog.text)
    assert served(target) == 2
    assert wire.states(target.model)[2] == "AVAILABLE"
