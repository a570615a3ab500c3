"""A run whose directory has another name, or lies elsewhere, is read where it is now."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipelines.finished import config_of
from pipelines.metadata import RunMetadata
from tests.pipelines.conftest import load_run_config, write_run


def test_paths_are_those_of_the_directory_as_it_is_called_now(tmp_path: Path) -> None:
    config = load_run_config(write_run(tmp_path))
    config.paths.root.mkdir(parents=True)
    (config.paths.root / "config.json").write_text(config.model_dump_json())
    renamed = config.paths.root.rename(tmp_path / "best so far")
    paths = config_of(renamed).paths
    assert paths.root == renamed and paths.storage == str(renamed)
    assert config_of(renamed).dataset == config.dataset


@pytest.mark.slow
def test_artifacts_are_found_in_a_renamed_directory(tmp_path: Path) -> None:
    from ml_metadata.metadata_store import MetadataStore
    from ml_metadata.proto import metadata_store_pb2 as proto

    run_dir = tmp_path / "shop"
    artifact = run_dir / "artifacts" / "Trainer.ranker" / "model" / "7"
    artifact.mkdir(parents=True)
    connection = proto.ConnectionConfig()
    connection.sqlite.filename_uri = str(run_dir / "metadata.sqlite")
    store = MetadataStore(connection)
    model = proto.Artifact(
        type_id=store.put_artifact_type(proto.ArtifactType(name="Model")), uri=str(artifact)
    )
    node = proto.Context(
        type_id=store.put_context_type(proto.ContextType(name="node")), name="shop.Trainer.ranker"
    )
    execution = proto.Execution(
        type_id=store.put_execution_type(proto.ExecutionType(name="Trainer")),
        last_known_state=proto.Execution.COMPLETE,
    )
    event = proto.Event(type=proto.Event.OUTPUT)
    event.path.steps.add().key = "model"
    store.put_execution(execution, [(model, event)], [node])
    del store
    assert RunMetadata(run_dir / "metadata.sqlite", "shop").output(
        "Trainer.ranker", "model"
    ) == str(artifact)
    renamed = run_dir.rename(tmp_path / "best")
    found = RunMetadata(renamed / "metadata.sqlite", "shop").output("Trainer.ranker", "model")
    assert found == str(renamed / "artifacts" / "Trainer.ranker" / "model" / "7")
