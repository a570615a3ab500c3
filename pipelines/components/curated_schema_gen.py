"""CuratedSchemaGen: the schema of the records, made from the dataset spec."""

from __future__ import annotations

from typing import Any

from tfx import types
from tfx.dsl.components.base import base_component, base_executor, executor_spec
from tfx.types import artifact_utils, standard_artifacts
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter
from tfx.utils import io_utils

from preprocessing.schema import build_schema, evaluated_schema
from preprocessing.spec import DatasetSpec

SCHEMA = "schema"
EVALUATED = "evaluated"  # what the Evaluator reads


class _Spec(ComponentSpec):
    # Nobody reads `code`: it makes TFX's cache see a change of code.
    PARAMETERS = {name: ExecutionParameter(type=str) for name in ("spec", "code")}
    INPUTS: dict[str, Any] = {}
    OUTPUTS = {
        name: ChannelParameter(type=standard_artifacts.Schema) for name in (SCHEMA, EVALUATED)
    }


class Executor(base_executor.BaseExecutor):
    """Writes a schema.pbtxt of all, and one of what the Evaluator reads."""

    def Do(  # noqa: N802 (TFX's name)
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Writes the schemas as TFX's other components read them."""
        spec = DatasetSpec.from_json(exec_properties["spec"])
        for name, schema in {SCHEMA: build_schema(spec), EVALUATED: evaluated_schema(spec)}.items():
            artifact = artifact_utils.get_single_instance(output_dict[name])
            io_utils.write_pbtxt_file(f"{artifact.uri}/schema.pbtxt", schema)


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
        outputs = {
            name: types.Channel(type=standard_artifacts.Schema) for name in (SCHEMA, EVALUATED)
        }
        super().__init__(_Spec(spec=spec.model_dump_json(), code=code, **outputs))
