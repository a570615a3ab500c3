"""A run whose directory has another name, or lies elsewhere, is read where it is now. Of several
runs in a directory, the newest is."""

from __future__ import annotations

from pathlib import Path

import pytest
from ml_metadata.metadata_store import MetadataStore
from ml_metadata.proto import metadata_store_pb2 as proto

from pipelines.errors import RunError
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


class Store:
    """The metadata of a data set `shop`, written as TFX does."""

    def __init__(self, run_dir: Path) -> None:
        self.run_dir = run_dir
        run_dir.mkdir(parents=True, exist_ok=True)
        connection = proto.ConnectionConfig()
        connection.sqlite.filename_uri = str(run_dir / "metadata.sqlite")
        self._store = MetadataStore(connection)
        self._runs = 0

    def run(self, **executions: tuple[int, str | None]) -> None:
        """A run, with the state of each component and the folder of its output."""
        self._runs += 1
        put_type = self._store.put_context_type
        run = proto.Context(
            type_id=put_type(proto.ContextType(name="pipeline_run")), name=f"run {self._runs}"
        )
        node_type = put_type(proto.ContextType(name="node"))
        for name, (state, folder) in executions.items():
            node = proto.Context(type_id=node_type, name=f"shop.{name}")
            execution = proto.Execution(
                type_id=self._store.put_execution_type(proto.ExecutionType(name=name)),
                last_known_state=state,
            )
            outputs = []
            if folder is not None:
                (self.run_dir / "artifacts" / folder).mkdir(parents=True, exist_ok=True)
                event = proto.Event(type=proto.Event.OUTPUT)
                event.path.steps.add().key = "output"
                outputs.append((self._artifact(folder), event))
            # Contexts of a name that is there are taken.
            self._store.put_execution(
                execution, outputs, [run, node], reuse_context_if_already_exist=True
            )

    def _artifact(self, folder: str) -> proto.Artifact:
        uri = str(self.run_dir / "artifacts" / folder)
        for artifact in self._store.get_artifacts_by_uri(uri):
            return artifact
        type_id = self._store.put_artifact_type(proto.ArtifactType(name="Model"))
        return proto.Artifact(type_id=type_id, uri=uri)

    def read(self, of_data: bool = False) -> RunMetadata:
        return RunMetadata(self.run_dir / "metadata.sqlite", "shop", of_data)


COMPLETE = proto.Execution.COMPLETE
CACHED = proto.Execution.CACHED
FAILED = proto.Execution.FAILED


@pytest.mark.slow
def test_artifacts_are_found_in_a_renamed_directory(tmp_path: Path) -> None:
    store = Store(tmp_path / "shop")
    store.run(Evaluator=(COMPLETE, "Evaluator/7"))
    assert store.read().output("Evaluator") == str(tmp_path / "shop/artifacts/Evaluator/7")
    store.run_dir = store.run_dir.rename(tmp_path / "best")
    assert store.read().output("Evaluator") == str(tmp_path / "best/artifacts/Evaluator/7")


@pytest.mark.slow
def test_runs_are_not_mixed(tmp_path: Path) -> None:
    store = Store(tmp_path / "shop")
    store.run(Transform=(COMPLETE, "a"), Ranker=(COMPLETE, "a"), Evaluator=(COMPLETE, "a"))
    store.run(Transform=(CACHED, "a"), Ranker=(COMPLETE, "b"), Evaluator=(FAILED, None))
    assert store.read().output("Ranker").endswith("/b")
    with pytest.raises(RunError, match="Evaluator has not finished in the newest run"):
        store.read().output("Evaluator")
    store.run(Transform=(CACHED, "a"), Ranker=(CACHED, "b"), Evaluator=(COMPLETE, "b"))
    assert store.read().output("Evaluator").endswith("/b")
    # The first settings again, all from the cache.
    store.run(Transform=(CACHED, "a"), Ranker=(CACHED, "a"), Evaluator=(CACHED, "a"))
    for node in ("Ranker", "Evaluator"):
        assert store.read().output(node).endswith("/a")
        assert store.read().seconds(node) is not None


@pytest.mark.slow
def test_records_of_an_experiment_are_no_run(tmp_path: Path) -> None:
    store = Store(tmp_path / "shop")
    store.run(Transform=(COMPLETE, "a"), Evaluator=(COMPLETE, "a"))
    store.run(Transform=(COMPLETE, "b"))
    assert store.read().output("Evaluator").endswith("/a")
    assert store.read().output("Transform").endswith("/a")
    assert store.read(of_data=True).output("Transform").endswith("/b")
    # But a run that failed before it trained is one.
    store.run(Transform=(FAILED, None))
    with pytest.raises(RunError, match="Transform has not finished in the newest run"):
        store.read().output("Transform")
