"""BehaviorLogExampleGen: a raw behaviour log to request-grouped records, one split each."""

from __future__ import annotations

from typing import Any

import apache_beam as beam
from google.protobuf import json_format, struct_pb2
from tfx import types
from tfx.components.example_gen import base_example_gen_executor, component
from tfx.dsl.components.base import executor_spec
from tfx.proto import example_gen_pb2
from tfx.utils import proto_utils

from preprocessing.features import SPLITS
from preprocessing.quarantine import check_quarantine
from preprocessing.records import BuildRecords
from preprocessing.spec import DatasetSpec


class Executor(base_example_gen_executor.BaseExampleGenExecutor):
    """Runs preprocessing.records.BuildRecords and fails when too many rows were bad."""

    def Do(  # noqa: N802 (TFX's name)
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Writes the splits, then checks the share of rejected rows."""
        spec, quarantine_dir = _settings(exec_properties)
        super().Do(input_dict, output_dict, exec_properties | {"input_config": _first_split(exec_properties)})
        check_quarantine(spec, quarantine_dir)

    def GetInputSourceToExamplePTransform(self) -> beam.PTransform:  # noqa: N802 (TFX's name)
        """Abstract in TFX; unused, since GenerateExamplesByBeam is overridden."""
        raise NotImplementedError

    def GenerateExamplesByBeam(  # noqa: N802 (TFX's name)
        self, pipeline: beam.Pipeline, exec_properties: dict[str, Any]
    ) -> dict[str, beam.PCollection]:
        """Split name -> serialised tf.Examples."""
        spec, quarantine_dir = _settings(exec_properties)
        return pipeline | BuildRecords(spec, quarantine_dir=quarantine_dir)


class BehaviorLogExampleGen(component.FileBasedExampleGen):
    """Turns the log of a dataset spec into records.

    Args:
        spec: The dataset spec, its paths absolute.
        quarantine_dir: Where rejected rows and the data report go.
        code: Fingerprint of the code that runs, so that a change of it is not taken for a cache hit.
    """

    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(Executor)

    def __init__(self, spec: DatasetSpec, quarantine_dir: str, code: str) -> None:
        settings = struct_pb2.Struct()
        settings.update({"spec": spec.model_dump_json(), "quarantine_dir": quarantine_dir, "code": code})
        custom_config = example_gen_pb2.CustomConfig()
        custom_config.custom_config.Pack(settings)
        tables = [(name, table) for name in ("events", "items", "users") if (table := getattr(spec, name)) is not None]
        super().__init__(
            input_base="/",
            input_config=example_gen_pb2.Input(
                splits=[example_gen_pb2.Input.Split(name=name, pattern=table.path) for name, table in tables]
            ),
            output_config=example_gen_pb2.Output(
                split_config=example_gen_pb2.SplitConfig(  # hash_buckets are required, and unused here
                    splits=[example_gen_pb2.SplitConfig.Split(name=name, hash_buckets=1) for name in SPLITS]
                )
            ),
            custom_config=custom_config,
        )


def _first_split(exec_properties: dict[str, Any]) -> str:
    """The input config with its first table alone.

    TFX's driver fingerprints every table as an input split, for the cache; its executor refuses several input
    splits together with named output splits, and reads none of them here.
    """
    config = example_gen_pb2.Input()
    proto_utils.json_to_proto(exec_properties["input_config"], config)
    return proto_utils.proto_to_json(example_gen_pb2.Input(splits=config.splits[:1]))


def _settings(exec_properties: dict[str, Any]) -> tuple[DatasetSpec, str]:
    config, settings = example_gen_pb2.CustomConfig(), struct_pb2.Struct()
    proto_utils.json_to_proto(exec_properties["custom_config"], config)
    config.custom_config.Unpack(settings)
    values = json_format.MessageToDict(settings)
    return DatasetSpec.from_json(values["spec"]), values["quarantine_dir"]
