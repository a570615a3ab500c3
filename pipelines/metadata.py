"""What ML Metadata has on a local run: each component's output, and how long it took."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.config import ARTIFACTS
from pipelines.errors import RunError
from pipelines.node_ids import DATA, TRANSFORM

if TYPE_CHECKING:
    from ml_metadata.proto import metadata_store_pb2 as proto

# The types of TFX's contexts: of all executions of a run, and of all of a component.
_RUN = "pipeline_run"
_NODE = "node"


class RunMetadata:
    """Reads a run's SQLite metadata.

    A folder may have had several runs, of other settings. All that is read is of the newest one:
    what another one left belongs to other settings, even where the newest ended before it had made
    the same.

    Args:
        path: The metadata file.
        pipeline: The pipeline's name.
        of_data: Whether runs of the data preparation alone count, too, such as experiments do.
    """

    def __init__(self, path: Path, pipeline: str, of_data: bool = False) -> None:
        if not path.is_file():
            raise RunError(f"{path}: no metadata. Run `srp4ctr run` first.")
        from tfx.orchestration import metadata

        with metadata.Metadata(metadata.sqlite_metadata_connection_config(str(path))) as handle:
            self._store = handle.store
        self._pipeline = pipeline
        self._run_dir = path.parent
        self._of_data = of_data

    def output(self, node: str, key: str | None = None) -> str:
        """The directory of a component's output.

        Args:
            node: The component's id.
            key: The output's name; None where it has only one that matters.

        Raises:
            RunError: the component has not finished in the newest run.
        """
        execution = self._finished(node)
        uris = [artifact.uri for artifact in self._outputs(execution, key)] if execution else []
        if not uris:
            raise RunError(
                f"{self._run_dir}: component {node} has not finished in the newest run, and what "
                "an earlier one left may be of other settings. `srp4ctr run` goes on from where "
                "it stopped."
            )
        return self._now(uris[0])

    def _now(self, uri: str) -> str:
        """Where an artifact is, if the run's directory has been moved or copied since."""
        # ML Metadata keeps absolute paths.
        _, marker, inside = uri.rpartition(f"/{ARTIFACTS}/")
        moved = self._run_dir / ARTIFACTS / inside
        return str(moved) if marker and moved.exists() else uri

    def pushed_version(self, node: str) -> str | None:
        """The version that a Pusher pushed; None if it pushed none."""
        execution = self._finished(node)
        for artifact in self._outputs(execution, None) if execution else []:
            return _text(artifact, "pushed_version") or None
        return None

    def seconds(self, node: str) -> float | None:
        """How long the execution that did the work took; None if there is none."""
        from ml_metadata.proto import metadata_store_pb2 as proto

        found = self._finished(node)
        if found is None:
            return None
        # Executions whose output came from the cache have another state, and took no time.
        outputs = [artifact.id for artifact in self._outputs(found, None)]
        events = self._store.get_events_by_artifact_ids(outputs)
        makers = {event.execution_id for event in events if event.type == proto.Event.OUTPUT}
        for execution in [found, *self._store.get_executions_by_id(sorted(makers))]:
            if execution.last_known_state == proto.Execution.COMPLETE:
                end = execution.last_update_time_since_epoch
                return (end - execution.create_time_since_epoch) / 1000
        return None

    def is_blessed(self, gate: str) -> bool:
        """Whether what a BlessingGate blessed still is: its blessing may have been taken back."""
        execution = self._finished(gate)
        blessings = self._outputs(execution, None) if execution else []
        return any(one.custom_properties["blessed"].int_value for one in blessings)

    def pushed_models(self) -> dict[str, str]:
        """Where Pushers left their models, by version, of all runs in the folder."""
        found = {}
        for model in self._store.get_artifacts_by_type("PushedModel"):
            version = _text(model, "pushed_version")
            if version:
                found[version] = self._now(model.uri)
        return found

    def withdraw(self, version: str) -> None:
        """Takes back the blessing of a version that a run pushed."""
        pushed: list[int] = []
        for model in self._store.get_artifacts_by_type("PushedModel"):
            if _text(model, "pushed_version") == version:
                pushed.append(model.id)
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

    def _finished(self, node: str) -> proto.Execution | None:
        """The node's finished execution in the newest run; None if there is none."""
        from ml_metadata.proto import metadata_store_pb2 as proto

        states = (proto.Execution.COMPLETE, proto.Execution.CACHED)
        # Newest first: a component that failed may have been tried again.
        for execution in self._newest_run.get(node, []):
            if execution.last_known_state in states:
                return execution
        return None

    @functools.cached_property
    def _newest_run(self) -> dict[str, list[proto.Execution]]:
        """The executions of the newest run by node, newest first; empty before the first run."""
        runs = self._store.get_contexts_by_type(_RUN)
        for run in sorted(runs, key=lambda context: context.id, reverse=True):
            by_node: dict[str, list[proto.Execution]] = {}
            executions = self._store.get_executions_by_context(run.id)
            for execution in sorted(executions, key=lambda one: one.id, reverse=True):
                for context in self._store.get_contexts_by_execution(execution.id):
                    pipeline, _, node = context.name.partition(".")
                    if context.type == _NODE and pipeline == self._pipeline:
                        by_node.setdefault(node, []).append(execution)
            if by_node and (self._of_data or not _is_of_data(by_node)):
                return by_node
        return {}

    def _outputs(self, execution: proto.Execution, key: str | None) -> list[proto.Artifact]:
        from ml_metadata.proto import metadata_store_pb2 as proto

        events = self._store.get_events_by_execution_ids([execution.id])
        ids = []
        for event in events:
            if event.type == proto.Event.OUTPUT and key in (None, _key(event)):
                ids.append(event.artifact_id)
        return list(self._store.get_artifacts_by_id(ids))


def _is_of_data(by_node: Mapping[str, list[proto.Execution]]) -> bool:
    """Whether a run prepared data and was to do no more: it went to the end of that, and ended."""
    from ml_metadata.proto import metadata_store_pb2 as proto

    states = (proto.Execution.COMPLETE, proto.Execution.CACHED)
    ended = any(one.last_known_state in states for one in by_node.get(TRANSFORM, []))
    return ended and by_node.keys() <= DATA


def _text(artifact: proto.Artifact, name: str) -> str:
    return artifact.custom_properties[name].string_value


def _key(event: proto.Event) -> str:
    return event.path.steps[0].key
