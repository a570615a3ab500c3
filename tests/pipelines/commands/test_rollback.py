"""Taking a pushed version back: what servers see, and what later runs compare with."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from ml_metadata.metadata_store import MetadataStore
from ml_metadata.proto import metadata_store_pb2 as proto
from typer.testing import CliRunner

from pipelines.app import app
from pipelines.commands.rollback.roll_back import roll_back
from pipelines.config import load_run_config
from pipelines.errors import RunError
from serving.origin import note_origin
from tests.pipelines.conftest import write_run

VERSIONS = ("1700000001", "1700000002", "1700000010")


@pytest.fixture
def config_path(tmp_path: Path) -> Path:
    """The config of a data set with three pushed versions."""
    path = write_run(tmp_path)
    paths = load_run_config(path).paths
    for version in VERSIONS:
        (paths.serving_model / version).mkdir(parents=True)
    connection = proto.ConnectionConfig()
    connection.sqlite.filename_uri = str(paths.metadata)
    store = MetadataStore(connection)
    types: dict[str, int] = {}
    for name in ("PushedModel", "ModelBlessing"):
        types[name] = store.put_artifact_type(proto.ArtifactType(name=name))
    pusher = store.put_execution_type(proto.ExecutionType(name="Pusher"))
    for version in VERSIONS:
        left = path.parent / "pushed" / version
        left.parent.mkdir(exist_ok=True)
        pushed = proto.Artifact(type_id=types["PushedModel"], uri=str(left))
        pushed.custom_properties["pushed_version"].string_value = version
        blessing = proto.Artifact(type_id=types["ModelBlessing"], uri=version)
        blessing.custom_properties["blessed"].int_value = 1
        ids = store.put_artifacts([pushed, blessing])
        (execution,) = store.put_executions([proto.Execution(type_id=pusher)])
        store.put_events(
            [
                _event(execution, ids[0], proto.Event.OUTPUT, "pushed_model"),
                _event(execution, ids[1], proto.Event.INPUT, "model_blessing"),
            ]
        )
    return path


def test_the_version_before_is_served_and_has_to_be_beaten(config_path: Path) -> None:
    done = CliRunner().invoke(app, ["rollback", str(config_path)])
    assert done.exit_code == 0, done.output
    assert "Took back version 1700000010; the newest is 1700000002 now." in done.output
    paths = load_run_config(config_path).paths
    assert sorted(folder.name for folder in paths.serving_model.iterdir()) == [
        ".withdrawn-1700000010",
        *VERSIONS[:2],
    ]
    assert _blessed(paths.metadata) == {"1700000001": 1, "1700000002": 1, "1700000010": 0}


def test_a_command_that_was_killed_in_between_is_run_again(
    config_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = load_run_config(config_path)
    with monkeypatch.context() as patched:
        patched.setattr(Path, "rename", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            roll_back(config)
    assert _blessed(config.paths.metadata)["1700000010"] == 0
    assert roll_back(config) == ("1700000010", "1700000002")


def test_the_only_version_stays(config_path: Path) -> None:
    config = load_run_config(config_path)
    assert [roll_back(config), roll_back(config)] == [VERSIONS[:0:-1], VERSIONS[1::-1]]
    with pytest.raises(RunError, match=r"one pushed version, so there is none to go back to"):
        roll_back(config)
    assert (config.paths.serving_model / VERSIONS[0]).is_dir()


def test_a_version_that_no_run_pushed_stays(config_path: Path) -> None:
    config = load_run_config(config_path)
    (config.paths.serving_model / "1800000000").mkdir()
    with pytest.raises(RunError, match="version 1800000000 was not pushed by the runs of small"):
        roll_back(config)
    assert (config.paths.serving_model / "1800000000").is_dir()


@pytest.mark.parametrize("kept", ["served", "in artifacts"])
def test_a_version_with_newer_statistics_has_the_blessing_of_its_model(
    kept: str, config_path: Path
) -> None:
    config = load_run_config(config_path)
    served = config.paths.serving_model
    for version in VERSIONS:
        (served / version / "variables").mkdir()
        (served / version / "saved_model.pb").write_text("the graph")
        (served / version / "variables" / "variables.data").write_text(version)
    for number, refreshed in enumerate(("1700000011", "1700000012")):
        shutil.copytree(served / VERSIONS[2], served / refreshed)
        (served / refreshed / "statistics.txt").write_text(str(number))
    if kept == "in artifacts":  # a roll-out may have removed it from where it is served
        left = Path(_store(config.paths.metadata).get_artifacts_by_type("PushedModel")[2].uri)
        (served / VERSIONS[2]).rename(left)
    assert roll_back(config) == ("1700000012", "1700000011")
    assert _blessed(config.paths.metadata)[VERSIONS[2]] == 1
    if kept == "served":
        assert roll_back(config) == ("1700000011", VERSIONS[2])
        assert _blessed(config.paths.metadata)[VERSIONS[2]] == 1
    _, before = roll_back(config)
    assert before == VERSIONS[1]
    assert list(_blessed(config.paths.metadata).values()) == [1, 1, 0]


def test_a_copy_that_notes_its_version_has_the_blessing_of_that(config_path: Path) -> None:
    config = load_run_config(config_path)
    copy = config.paths.serving_model / "1700000011"
    copy.mkdir()
    note_origin(copy, config.paths.serving_model / VERSIONS[2])
    assert roll_back(config) == ("1700000011", VERSIONS[2])
    assert roll_back(config) == (VERSIONS[2], VERSIONS[1])
    assert list(_blessed(config.paths.metadata).values()) == [1, 1, 0]


def test_versions_elsewhere_are_not_taken_back(tmp_path: Path) -> None:
    config = load_run_config(write_run(tmp_path, artifacts_dir="gs://bucket/artifacts"))
    with pytest.raises(RunError, match=r"servers go back .* but its blessing stays"):
        roll_back(config)


def _event(execution: int, artifact: int, kind: int, key: str) -> proto.Event:
    event = proto.Event(execution_id=execution, artifact_id=artifact, type=kind)
    event.path.steps.add().key = key
    return event


def _store(metadata: Path) -> MetadataStore:
    connection = proto.ConnectionConfig()
    connection.sqlite.filename_uri = str(metadata)
    return MetadataStore(connection)


def _blessed(metadata: Path) -> dict[str, int]:
    blessings = _store(metadata).get_artifacts_by_type("ModelBlessing")
    return {blessing.uri: blessing.custom_properties["blessed"].int_value for blessing in blessings}
