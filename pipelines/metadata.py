"""What ML Metadata has on a local run: each component's newest output, and how long it took."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.config import ARTIFACTS
from pipelines.errors import RunError

if TYPE_CHECKING:
    from ml_metadata.proto import metadata_store_pb2 as proto


class RunMetadata:
    """Reads a run's SQLite metadata.

    Args:
        path: The metadata file.
        pipeline: The pipeline's name.
    """

    def __init__(self, path: Path, pipeline: str) -> None:
        if not path.is_file():
            raise RunError(f"{path}: no metadata. Run `srp4ctr run` first.")
        from tfx.orchestration import metadata

        with metadata.Metadata(metadata.sqlite_metadata_connection_config(str(path))) as handle:
            self._store = handle.store
        self._pipeline = pipeline
        self._run_dir = path.parent

    def output(self, node: str, key: str | None = None) -> str:
        """The directory of a component's newest output.

        Args:
            node: The component's id.
            key: The output's name; None where it has only one that matters.

        Raises:
            RunError: the component has not finished yet.
        """
        for execution in self._finished(node):
            uris = self._outputs(execution, key)
            if uris:
                return self._now(uris[0])
        raise RunError(
            f"component {node} has not finished: `srp4ctr run` goes on from where it stopped."
        )

    def _now(self, uri: str) -> str:
        """Where an artifact is, if the run's directory has been moved or copied since."""
        # ML Metadata keeps absolute paths.
        _, marker, inside = uri.rpartition(f"/{ARTIFACTS}/")
        moved = self._run_dir / ARTIFACTS / inside
        return str(moved) if marker and moved.exists() else uri

    def pushed_version(self, node: str) -> str | None:
        """The version that a Pusher's newest execution pushed; None if it pushed none."""
        from ml_metadata.proto import metadata_store_pb2 as proto

        events = self._store.get_events_by_execution_ids([self._finished(node)[0].id])
        ids = [event.artifact_id for event in events if event.type == proto.Event.OUTPUT]
        for artifact in self._store.get_artifacts_by_id(ids):
            return _text(artifact, "pushed_version") or None
        return None

    def seconds(self, node: str) -> float | None:
        """How long the newest execution that did the work took; None if there is none."""
        from ml_metadata.proto import metadata_store_pb2 as proto

        # Executions whose output came from the cache have another state, and took no time.
        for execution in self._finished(node):
            if execution.last_known_state == proto.Execution.COMPLETE:
                end = execution.last_update_time_since_epoch
                return (end - execution.create_time_since_epoch) / 1000
        return None

    def withdraw(self, version: str) -> None:
        """Takes back the blessing of a pushed version.

        Raises:
            RunError: no run of this pipeline pushed the version.
        """
        models = self._store.get_artifacts_by_type("PushedModel")
        pushed: list[int] = []
        for model in models:
            if _text(model, "pushed_version") == version:
                pushed.append(model.id)
        if not pushed:
            raise RunError(
                f"version {version} was not pushed by the runs of {self._pipeline}, so it can't be "
                "taken back."
            )
        # A blessing is an input of the same execution of the Pusher.
        of_models = self._store.get_events_by_artifact_ids(pushed)
        pushes = {event.execution_id for event in of_models}
        ids: list[int] = []
        for event in self._store.get_events_by_execution_ids(sorted(pushes)):
            if _key(event) == "model_blessing":
                ids.append(event.artifact_id)
        blessings = self._store.get_artifacts_by_id(ids)
        for blessing in blessings:
            blessing.custom_properties["blessed"].int_value = 0
        self._store.put_artifacts(blessings)

    def _finished(self, node: str) -> list[proto.Execution]:
        """The node's finished executions, newest first."""
        from ml_metadata.proto import metadata_store_pb2 as proto

        context = self._store.get_context_by_type_and_name("node", f"{self._pipeline}.{node}")
        if context is None:
            return []
        states = (proto.Execution.COMPLETE, proto.Execution.CACHED)
        executions = self._store.get_executions_by_context(context.id)
        finished = [execution for execution in executions if execution.last_known_state in states]
        return sorted(finished, key=lambda execution: execution.id, reverse=True)

    def _outputs(self, execution: proto.Execution, key: str | None) -> list[str]:
        from ml_metadata.proto import metadata_store_pb2 as proto

        events = self._store.get_events_by_execution_ids([execution.id])
        ids = []
        for event in events:
            if event.type == proto.Event.OUTPUT and key in (None, _key(event)):
                ids.append(event.artifact_id)
        return [artifact.uri for artifact in self._store.get_artifacts_by_id(ids)]


def _text(artifact: proto.Artifact, name: str) -> str:
    return artifact.custom_properties[name].string_value


def _key(event: proto.Event) -> str:
    return event.path.steps[0].key
