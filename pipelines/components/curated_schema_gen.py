"""CuratedSchemaGen: the schema of the records, made from the dataset spec."""

from __future__ import annotations

from typing import Any

from tfx import types
from tfx.dsl.components.base import base_component, base_executor, executor_spec
from tfx.types import artifact_utils, standard_artifacts
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter
from tfx.utils import io_utils

from preprocessing.schema import build_schema
from preprocessing.spec import DatasetSpec


class _Spec(ComponentSpec):
    # Nobody reads `code`: it makes TFX's cache see a change of code.
    PARAMETERS = {name: ExecutionParameter(type=str) for name in ("spec", "code")}
    INPUTS: dict[str, Any] = {}
    OUTPUTS = {"schema": ChannelParameter(type=standard_artifacts.Schema)}


class Executor(base_executor.BaseExecutor):
    """Writes schema.pbtxt."""

    def Do(  # noqa: N802 (TFX's name)
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Writes the schema as TFX's other components read it."""
        schema = artifact_utils.get_single_instance(output_dict["schema"])
        io_utils.write_pbtxt_file(
            f"{schema.uri}/schema.pbtxt",
            build_schema(DatasetSpec.from_json(exec_properties["spec"])),
        )


class CuratedSchemaGen(base_component.BaseComponent):
    """Makes the schema; an inferred one would miss how many values a feature may have.

    Args:
        spec: The dataset spec.
        code: Fingerprint of the code that runs, so that a change of it is not taken for a cache
            hit.
    """

    SPEC_CLASS = _Spec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(self, spec: DatasetSpec, code: str) -> None:
        schema = types.Channel(type=standard_artifacts.Schema)
        super().__init__(_Spec(spec=spec.model_dump_json(), code=code, schema=schema))
