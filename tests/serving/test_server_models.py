"""Several models, version policies, labels, and changing them: by file and by request."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf import text_format
from tensorflow_serving.apis import model_management_pb2

from serving import contract
from serving.server import ModelOptions, ServerOptions, ServerStartError
from tests.serving import wire
from tests.serving.conftest import Connect, Eventually, Push, StartServer, Target

RELOADS = ServerOptions(models=ModelOptions(allow_reload=True))
NO_CONFIG = "Error parsing text-format tensorflow.serving.ModelServerConfig: "


def config_text(**models: tuple[object, str]) -> str:
    """A ModelServerConfig: name -> (base path, further fields)."""
    entries = [
        f'config {{ name: "{name}" base_path: "{path}" model_platform: "tensorflow" {more} }}'
        for name, (path, more) in models.items()
    ]
    return f"model_config_list {{ {' '.join(entries)} }}"


def specific(*versions: int) -> str:
    return (
        f"model_version_policy {{ specific {{ {' '.join(f'versions: {v}' for v in versions)} }} }}"
    )


def label(name: str, version: int) -> str:
    return f'version_labels {{ key: "{name}" value: {version} }}'


def reload_request(**models: tuple[object, str]) -> model_management_pb2.ReloadConfigRequest:
    request = model_management_pb2.ReloadConfigRequest()
    text_format.Parse(config_text(**models), request.config)
    return request


def reload(target: Target, **models: tuple[object, str]) -> None:
    response = target.model.HandleReloadConfigRequest(
        reload_request(**models), timeout=wire.TIMEOUT_SECONDS
    )
    assert response.status.error_code == 0


def served(target: Target, **where: Any) -> int:
    return wire.predict(target, contract.ENCODE_USER, wire.USER, **where).model_spec.version.value


def refusal(target: Target, **where: Any) -> tuple[grpc.StatusCode, str]:
    return wire.error_of(
        target.prediction.Predict, wire.predict_request(contract.ENCODE_USER, wire.USER, **where)
    )


@pytest.fixture
def two_versions(saved: dict[int, Path], model_dir: Path, push: Push) -> Path:
    """A model directory with versions 1 and 2."""
    push(saved[2], model_dir)
    return model_dir


@pytest.fixture
def config_file(tmp_path: Path) -> Callable[[str], Path]:
    """Writes the model config file, atomically."""

    def write(text: str) -> Path:
        (tmp_path / "incoming.config").write_text(text)
        return (tmp_path / "incoming.config").rename(tmp_path / "models.config")

    return write


def from_file(path: Path, poll_seconds: float = 0.0, **options: Any) -> ServerOptions:
    return ServerOptions(
        models=ModelOptions(config_file=path, config_poll_seconds=poll_seconds, **options)
    )


def test_a_config_file_serves_several_models(
    two_versions: Path,
    saved: dict[int, Path],
    tmp_path: Path,
    config_file: Callable[[str], Path],
    start: StartServer,
    connect: Connect,
) -> None:
    shutil.copytree(saved[3], tmp_path / "other" / "3")
    path = config_file(
        config_text(
            all=(two_versions, "model_version_policy { all {} }"), new=(tmp_path / "other", "")
        )
    )
    server = start("ignored", options=from_file(path))
    assert server.models == {"all": [2, 1], "new": [3]}
    target = connect(server)
    assert served(target, name="all") == 2
    assert served(target, name="all", version=1) == 1
    assert refusal(target) == (
        grpc.StatusCode.NOT_FOUND,
        "Servable not found for request: Latest(toy)",
    )
    assert wire.http_json(target.rest_address, "/v1/models/new/versions/3")[0] == 200


@pytest.mark.parametrize(
    ("policy", "versions"),
    [
        ("", [2]),
        ("model_version_policy { latest { num_versions: 2 } }", [2, 1]),
        ("model_version_policy { all {} }", [2, 1]),
        (specific(1), [1]),
        (specific(1, 7), [1]),
    ],
)
def test_version_policies(
    two_versions: Path,
    config_file: Callable[[str], Path],
    start: StartServer,
    policy: str,
    versions: list[int],
) -> None:
    assert (
        start("", options=from_file(config_file(config_text(toy=(two_versions, policy))))).versions
        == versions
    )


def test_reloads_are_refused_unless_asked_for(
    model_dir: Path, start: StartServer, connect: Connect
) -> None:
    target = connect(start(model_dir))
    code, message = wire.error_of(
        target.model.HandleReloadConfigRequest, reload_request(toy=(model_dir, ""))
    )
    assert code == grpc.StatusCode.PERMISSION_DENIED and "--allow_reload_config" in message


def test_a_reload_adds_and_removes_models(
    two_versions: Path,
    saved: dict[int, Path],
    tmp_path: Path,
    start: StartServer,
    connect: Connect,
    eventually: Eventually,
) -> None:
    target = connect(start(two_versions, options=RELOADS))
    reload(target, toy=(two_versions, ""), second=(two_versions, specific(1)))
    assert (served(target), served(target, name="second")) == (2, 1)
    reload(target, second=(two_versions, specific(1)))
    assert refusal(target) == (
        grpc.StatusCode.NOT_FOUND,
        "Servable not found for request: Latest(toy)",
    )
    assert wire.states(target.model) == {2: "END"}  # its last state can still be asked for


def test_a_reload_changes_the_policy_new_before_old(
    two_versions: Path, start: StartServer, connect: Connect, eventually: Eventually
) -> None:
    target = connect(start(two_versions, options=RELOADS))
    reload(target, toy=(two_versions, specific(1)))
    eventually(lambda: served(target) == 1)  # no request in between fails
    eventually(lambda: wire.states(target.model) == {2: "END", 1: "AVAILABLE"})


def state(target: Target) -> bytes:
    """Which of the saved versions answers, whatever its number is here."""
    found = wire.outputs(wire.predict(target, contract.ENCODE_USER, wire.USER))
    return found[contract.USER_STATE][0][:2]


@pytest.mark.parametrize("poll_seconds", [0.1, 0])
def test_a_reload_with_another_path_loads_the_versions_there(
    model_dir: Path,
    saved: dict[int, Path],
    tmp_path: Path,
    start: StartServer,
    connect: Connect,
    eventually: Eventually,
    poll_seconds: float,
) -> None:
    shutil.copytree(saved[2], tmp_path / "other" / "1")
    target = connect(start(model_dir, options=RELOADS, poll_seconds=poll_seconds))
    assert state(target) == b"1|"
    reload(target, toy=(tmp_path / "other", ""))
    eventually(lambda: state(target) == b"2|")
    assert wire.states(target.model) == {1: "AVAILABLE"}


def test_versions_of_another_path_that_cant_be_loaded_replace_nothing(
    two_versions: Path,
    tmp_path: Path,
    start: StartServer,
    connect: Connect,
    eventually: Eventually,
    caplog: pytest.LogCaptureFixture,
) -> None:
    shutil.copytree(two_versions / "1", tmp_path / "other" / "1")
    (tmp_path / "other" / "1" / "fingerprint.pb").unlink()
    target = connect(start(two_versions, options=RELOADS, num_versions=2))
    reload(target, toy=(tmp_path / "other", ""))
    eventually(lambda: "other/1: version 1 of model 'toy' is not served from" in caplog.text)
    assert wire.states(target.model) == {2: "AVAILABLE", 1: "AVAILABLE"}
    assert (served(target), served(target, version=1)) == (2, 1)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "Only ModelConfigList is currently supported"),
        (
            config_text(toy=("relative", "")),
            "Expected model toy to have an absolute path or URI; got base_path()=rela",
        ),
        (
            'model_config_list { config { name: "a" base_path: "/a" } }',
            "Illegal setting neither ModelServerConfig::mo",
        ),
        (
            config_text(a=("/a", "")).replace('"tensorflow"', '"jax"'),
            "Model a requests unsupported platform jax",
        ),
        (
            config_text(a=("/a", ""), b=("/b", "")).replace('"b"', '"a"'),
            "Illegal to list model a multiple times in config list",
        ),
    ],
)
def test_bad_configs_change_nothing(
    model_dir: Path, start: StartServer, connect: Connect, text: str, message: str
) -> None:
    target = connect(start(model_dir, options=RELOADS))
    request = model_management_pb2.ReloadConfigRequest()
    text_format.Parse(text, request.config)
    code, found = wire.error_of(target.model.HandleReloadConfigRequest, request)
    assert code == grpc.StatusCode.INVALID_ARGUMENT and message in found
    assert served(target) == 1


def test_a_reload_tells_of_a_model_that_cant_be_served(
    model_dir: Path,
    tmp_path: Path,
    saved: dict[int, Path],
    start: StartServer,
    connect: Connect,
    eventually: Eventually,
) -> None:
    target = connect(start(model_dir, options=RELOADS))
    late = tmp_path / "late"
    late.mkdir()
    request = reload_request(toy=(model_dir, ""), late=(late, ""))
    code, message = wire.error_of(target.model.HandleReloadConfigRequest, request)
    assert code == grpc.StatusCode.UNKNOWN
    assert message.startswith("1 model(s) did not become available: {")
    assert served(target) == 1
    # Asked again, in the same words or in others, it says the same until the model is served.
    found = [wire.error_of(target.model.HandleReloadConfigRequest, request)]
    request.config.model_config_list.config[0].version_labels["stable"] = 1
    found.append(wire.error_of(target.model.HandleReloadConfigRequest, request))
    assert found == [(code, message)] * 2
    shutil.copytree(saved[2], late / "2")
    eventually(lambda: refusal_or_version(target, "late") == 2)
    assert target.model.HandleReloadConfigRequest(request).status.error_code == 0


def test_a_reload_that_is_repeated_looks_again(
    model_dir: Path,
    saved: dict[int, Path],
    tmp_path: Path,
    start: StartServer,
    connect: Connect,
    eventually: Eventually,
) -> None:
    target = connect(start(model_dir, options=RELOADS, poll_seconds=0))
    request = reload_request(toy=(model_dir, ""), late=(tmp_path / "late", ""))
    code, message = wire.error_of(target.model.HandleReloadConfigRequest, request)
    assert (code, "no such directory" in message) == (grpc.StatusCode.UNKNOWN, True)
    shutil.copytree(saved[2], tmp_path / "late" / "2")

    def is_served() -> bool:
        with contextlib.suppress(grpc.RpcError):
            target.model.HandleReloadConfigRequest(request, timeout=wire.TIMEOUT_SECONDS)
            return True
        return False

    eventually(is_served)
    assert served(target, name="late") == 2


def refusal_or_version(target: Target, name: str) -> int | grpc.StatusCode:
    try:
        return served(target, name=name)
    except grpc.RpcError as error:
        return error.code()


def test_labels(two_versions: Path, start: StartServer, connect: Connect) -> None:
    target = connect(start(two_versions, options=RELOADS, num_versions=2))
    labels = label("stable", 1) + label("canary", 2)
    both = "model_version_policy { latest { num_versions: 2 } }"
    reload(target, toy=(two_versions, both + labels))
    assert (served(target, label="stable"), served(target, label="canary")) == (1, 2)
    body = {"signature_name": "countdown", "inputs": [2]}
    assert (
        wire.http_json(target.rest_address, "/v1/models/toy/labels/stable:predict", body)[0] == 200
    )
    code, document = wire.http_json(target.rest_address, "/v1/models/toy/labels/stable/metadata")
    assert (code, document["model_spec"]["version"]) == (200, "1")
    unknown = (grpc.StatusCode.INVALID_ARGUMENT, "Unrecognized servable version label: other")
    assert refusal(target, label="other") == unknown


@pytest.mark.parametrize("allowed", [False, True])
def test_a_label_on_a_version_that_isnt_loaded(
    model_dir: Path, start: StartServer, connect: Connect, allowed: bool
) -> None:
    options = ServerOptions(models=ModelOptions(allow_reload=True, labels_for_unavailable=allowed))
    target = connect(start(model_dir, options=options))
    reload(target, toy=(model_dir, label("stable", 1)))
    message = (
        "Request to assign label to version 9 of model toy, "
        "which is not currently available for inference"
    )
    moved = reload_request(toy=(model_dir, label("stable", 9)))
    expected = (grpc.StatusCode.FAILED_PRECONDITION, message)
    assert wire.error_of(target.model.HandleReloadConfigRequest, moved) == expected
    assert served(target, label="stable") == 1
    fresh = reload_request(toy=(model_dir, label("stable", 1) + label("next", 9)))
    if not allowed:
        assert wire.error_of(target.model.HandleReloadConfigRequest, fresh) == expected
        return
    target.model.HandleReloadConfigRequest(fresh, timeout=wire.TIMEOUT_SECONDS)
    missing = (grpc.StatusCode.NOT_FOUND, "Servable not found for request: Specific(toy, 9)")
    assert refusal(target, label="next") == missing


def test_labels_at_the_start_need_permission(
    model_dir: Path, config_file: Callable[[str], Path], start: StartServer
) -> None:
    path = config_file(config_text(toy=(model_dir, label("stable", 1))))
    with pytest.raises(ServerStartError, match="--allow_version_labels_for_unavailable_models"):
        start("", options=from_file(path))
    assert start("", options=from_file(path, labels_for_unavailable=True)).versions == [1]


def test_the_config_file_is_followed(
    two_versions: Path,
    config_file: Callable[[str], Path],
    start: StartServer,
    connect: Connect,
    eventually: Eventually,
    caplog: pytest.LogCaptureFixture,
) -> None:
    path = config_file(config_text(toy=(two_versions, specific(1))))
    server = start("", options=from_file(path, poll_seconds=0.1))
    target = connect(server)
    config_file("model_config_list {\n  confg {} }")
    eventually(lambda: f"models.config, line 2: {NO_CONFIG}" in caplog.text)
    assert served(target) == 1
    config_file(config_text(toy=(two_versions, specific(2)), more=(two_versions, specific(1))))
    eventually(lambda: server.models == {"toy": [2], "more": [1]})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("model_config_list {\n config {\n name: 3 }}", f"line 3: {NO_CONFIG}"),
        ("", "expected a model_config_list"),
        (None, "can't be read"),
    ],
)
def test_a_config_file_that_cant_be_used(
    tmp_path: Path, start: StartServer, text: str, message: str
) -> None:
    path = tmp_path / "models.config"
    if text is not None:
        path.write_text(text)
    with pytest.raises(ServerStartError, match=message) as caught:
        start("", options=from_file(path))
    assert str(path) in str(caught.value)
