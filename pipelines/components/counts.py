"""Counts: the ranker beside its rivals, itself without its encoder and boosted trees on counts."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from tfx import types
from tfx.dsl.components.base import base_component, base_executor, executor_spec
from tfx.dsl.io import fileio
from tfx.types import artifact_utils, standard_artifacts
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter

from pipelines.counts.found import FILE, Counts
from pipelines.counts.scores import SCORES
from pipelines.counts.trees import installed, missing
from preprocessing.artifact_files import serving_model_dir
from preprocessing.spec import DatasetSpec


class _Spec(ComponentSpec):
    PARAMETERS = {
        "spec": ExecutionParameter(type=str),
        "rows": ExecutionParameter(type=int),
        "seed": ExecutionParameter(type=int),
        "slices": ExecutionParameter(type=str),
        "code": ExecutionParameter(type=str),
        "lightgbm": ExecutionParameter(type=str),
    }
    INPUTS = {
        "examples": ChannelParameter(type=standard_artifacts.Examples),
        "transformed": ChannelParameter(type=standard_artifacts.Examples),
        "graph": ChannelParameter(type=standard_artifacts.TransformGraph),
        "model": ChannelParameter(type=standard_artifacts.Model),
        "without_encoder": ChannelParameter(type=standard_artifacts.Model),
    }
    OUTPUTS = {"counts": ChannelParameter(type=standard_artifacts.ModelEvaluation)}


class Executor(base_executor.BaseExecutor):
    """Writes counts.json, and scores.npz that it comes from."""

    def Do(  # noqa: N802 (TFX's name)
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Compares the ranker with itself without the encoder, and with trees that it trains."""
        from pipelines.counts.compare import Sources, compare_with_counts

        sources = Sources(
            raw=artifact_utils.get_single_uri(input_dict["examples"]),
            transformed=artifact_utils.get_single_uri(input_dict["transformed"]),
            transform=artifact_utils.get_single_uri(input_dict["graph"]),
            model=serving_model_dir(artifact_utils.get_single_uri(input_dict["model"])),
            without_encoder=serving_model_dir(
                artifact_utils.get_single_uri(input_dict["without_encoder"])
            ),
        )
        spec = DatasetSpec.from_json(exec_properties["spec"])
        found, scores = compare_with_counts(
            sources,
            spec,
            exec_properties["rows"],
            exec_properties["seed"],
            json.loads(exec_properties["slices"]),
        )
        output = artifact_utils.get_single_instance(output_dict["counts"])
        with fileio.open(f"{output.uri}/{SCORES}", "wb") as file:
            file.write(scores.to_bytes())
        with fileio.open(f"{output.uri}/{FILE}", "w") as file:
            file.write(json.dumps(found.to_json(), ensure_ascii=False, indent=1))


class CountsRival(base_component.BaseComponent):
    """Trains trees after the ranker, which is what they are compared with.

    Args:
        examples: The records, of which the test split is read.
        transformed: Transform's records, of which the training and validation splits are read.
        graph: Transform's graph.
        model: The ranker.
        without_encoder: The same without the encoder.
        spec: The dataset spec.
        rows: Candidates of each split that are read at most.
        seed: Of everything random but the choice of test candidates.
        code: Fingerprint of the code that runs, so that a change of it is not taken for a cache
            hit.
        slices: User and context features to slice by, besides history length and popularity.
    """

    SPEC_CLASS = _Spec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(
        self,
        *,
        examples: types.BaseChannel,
        transformed: types.BaseChannel,
        graph: types.BaseChannel,
        model: types.BaseChannel,
        without_encoder: types.BaseChannel,
        spec: DatasetSpec,
        rows: int,
        seed: int,
        code: str,
        slices: Sequence[str],
    ) -> None:
        super().__init__(
            _Spec(
                examples=examples,
                transformed=transformed,
                graph=graph,
                model=model,
                without_encoder=without_encoder,
                counts=types.Channel(type=standard_artifacts.ModelEvaluation),
                spec=spec.model_dump_json(),
                rows=rows,
                seed=seed,
                slices=json.dumps(list(slices)),
                code=code,
                # So that a run after its installation is no cache hit.
                lightgbm="" if missing() else installed(),
            )
        )


def read_counts(uri: str) -> Counts:
    """What the component found."""
    with fileio.open(f"{uri}/{FILE}") as file:
        return Counts.model_validate_json(file.read())
