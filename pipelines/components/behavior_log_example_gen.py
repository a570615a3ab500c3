"""BehaviorLogExampleGen and BigQueryLogExampleGen: a raw log to records, one for each request."""

from __future__ import annotations

import glob
import hashlib
import os
from typing import Any

import apache_beam as beam
from google.protobuf import json_format, struct_pb2
from tfx import types
from tfx.components.example_gen import base_example_gen_executor, component, utils
from tfx.components.util import examples_utils
from tfx.dsl.components.base import base_component, executor_spec
from tfx.proto import example_gen_pb2
from tfx.types import artifact_utils, standard_component_specs
from tfx.utils import proto_utils

from preprocessing.config import ConfigError
from preprocessing.features import SPLITS
from preprocessing.paths import unquoted
from preprocessing.quarantine import check_quarantine, keep_report
from preprocessing.records import WriteRecords
from preprocessing.report_checks import check_report
from preprocessing.sources.columns import TABLES
from preprocessing.spec import DatasetSpec
from preprocessing.spec_tables import Table


class Executor(base_example_gen_executor.BaseExampleGenExecutor):
    """Runs preprocessing.records.WriteRecords.

    Fails if too many rows were bad, or if the rest teaches nothing.
    """

    def Do(  # noqa: N802 (TFX's name)
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Writes the splits, then checks the share of rejected rows, and what the rest gives."""
        self._log_startup(input_dict, output_dict, exec_properties)
        spec, quarantine_dir, span = _settings(exec_properties)
        examples = artifact_utils.get_single_instance(
            output_dict[standard_component_specs.EXAMPLES_KEY]
        )
        examples.split_names = artifact_utils.encode_split_names(list(SPLITS))
        examples_utils.set_payload_format(
            examples, exec_properties[standard_component_specs.OUTPUT_DATA_FORMAT_KEY]
        )
        examples.set_int_custom_property(utils.SPAN_PROPERTY_NAME, span)
        examples.span = span  # StatisticsGen hands this one on
        directories = {split: artifact_utils.get_split_uri([examples], split) for split in SPLITS}
        with self._make_beam_pipeline() as pipeline:
            _ = pipeline | WriteRecords(directories, spec, quarantine_dir)
        check_quarantine(spec, quarantine_dir)
        check_report(spec, quarantine_dir)
        # The folder's report is that of whichever run wrote it last; this one stays with the
        # records, wherever a cache takes them.
        keep_report(quarantine_dir, examples.uri)

    def GetInputSourceToExamplePTransform(self) -> beam.PTransform:  # noqa: N802 (TFX's name)
        """Abstract in TFX; unused, since Do is overridden."""
        raise NotImplementedError


class BehaviorLogExampleGen(component.FileBasedExampleGen):
    """Turns the log of a dataset spec into records.

    Args:
        spec: The dataset spec, its paths absolute.
        quarantine_dir: Where rejected rows and the data report go.
        code: Fingerprint of the code that runs, so that a change of it is not taken for a cache
            hit.
        span: The newest day that the records cover, which the artifact gets as its span; None where
            time isn't cut in spans.
    """

    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(Executor)

    def __init__(
        self, spec: DatasetSpec, quarantine_dir: str, code: str, span: int | None = None
    ) -> None:
        named_paths: list[tuple[str, str]] = []
        for name, table in _tables(spec):
            for path in table.paths:
                # TFX finds a file by its name alone, whose brackets it would take for a glob's.
                file = unquoted(path)
                named_paths.append((name, glob.escape(file) if os.path.isfile(file) else path))
        base, paths = _base(named_paths)
        super().__init__(
            input_base=base,
            input_config=_inputs(paths),
            output_config=_outputs(),
            custom_config=_packed(spec, quarantine_dir, code, span),
        )


class BigQueryLogExampleGen(component.QueryBasedExampleGen):
    """The same where nothing is read from files.

    TFX can't tell whether what BigQuery holds has changed.

    Args:
        spec: The dataset spec.
        quarantine_dir: Where rejected rows and the data report go.
        code: Fingerprint of the code that runs, so that a change of it is not taken for a cache
            hit.
    """

    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(Executor)

    def __init__(self, spec: DatasetSpec, quarantine_dir: str, code: str) -> None:
        places = [(name, table.place) for name, table in _tables(spec)]
        super().__init__(
            input_config=_inputs(places),
            output_config=_outputs(),
            custom_config=_packed(spec, quarantine_dir, code, None),
        )


def example_gen(
    spec: DatasetSpec, quarantine_dir: str, code: str, span: int | None = None
) -> base_component.BaseComponent:
    """The component that suits a spec's sources; its id is BehaviorLogExampleGen."""
    if any(table.paths for _, table in _tables(spec)):
        return BehaviorLogExampleGen(spec, quarantine_dir, code, span)
    return BigQueryLogExampleGen(spec, quarantine_dir, code).with_id(BehaviorLogExampleGen.__name__)


def _tables(spec: DatasetSpec) -> list[tuple[str, Table]]:
    """The tables that a spec has, by name."""
    found: list[tuple[str, Table]] = []
    for name in TABLES:
        table = getattr(spec, name)
        if table is not None:
            found.append((name, table))
    return found


def _inputs(places: list[tuple[str, str]]) -> example_gen_pb2.Input:
    splits = []
    for number, (name, place) in enumerate(places):
        split = example_gen_pb2.Input.Split(name=f"{name}_{number}", pattern=place)
        splits.append(split)
    return example_gen_pb2.Input(splits=splits)


def _outputs() -> example_gen_pb2.Output:
    split = example_gen_pb2.SplitConfig.Split  # wants hash_buckets, which are unused here
    splits = [split(name=name, hash_buckets=1) for name in SPLITS]
    return example_gen_pb2.Output(split_config=example_gen_pb2.SplitConfig(splits=splits))


def _packed(
    spec: DatasetSpec, quarantine_dir: str, code: str, span: int | None
) -> example_gen_pb2.CustomConfig:
    settings = struct_pb2.Struct()
    settings.update(
        {
            "spec": spec.model_dump_json(),
            "quarantine_dir": quarantine_dir,
            # Nobody reads these two: they make TFX's cache see what has changed.
            "code": code,
            "folders": _folders_fingerprint(spec),
            "span": span or 0,
        }
    )
    packed = example_gen_pb2.CustomConfig()
    packed.custom_config.Pack(settings)
    return packed


def _folders_fingerprint(spec: DatasetSpec) -> str:
    """A hash that changes with any file in a local folder that a table is read from.

    TFX looks at the folder itself alone.
    """
    digest = hashlib.sha256()
    for _, table in _tables(spec):
        for folder in _local_folders(table):
            for place, _, names in sorted(os.walk(folder)):
                for name in sorted(names):
                    stat = os.stat(os.path.join(place, name))
                    digest.update(f"{place}/{name} {stat.st_size} {stat.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def _local_folders(table: Table) -> list[str]:
    """The folders that a table's paths name, or that its globs match."""
    found: set[str] = set()
    for pattern in table.paths:
        found.update(filter(os.path.isdir, [pattern, *glob.glob(pattern, recursive=True)]))
    return sorted(found)


def _base(paths: list[tuple[str, str]]) -> tuple[str, list[tuple[str, str]]]:
    """The folder, or the file system, that holds all tables, and their (name, path) below it.

    Raises:
        ConfigError: they are on several file systems.
    """
    # TFX wants one base for all patterns.
    schemes = set()
    for _, path in paths:
        before, separator, _ = path.partition("://")
        schemes.add(before if separator else "")
    if len(schemes) > 1:
        received = [path for _, path in paths]
        raise ConfigError(
            f"the log and its tables must be on one file system. Received: {received}"
        )
    (scheme,) = schemes
    if not scheme:
        return "/", paths
    base = f"{scheme}://"
    return base, [(name, path.removeprefix(base)) for name, path in paths]


def _settings(exec_properties: dict[str, Any]) -> tuple[DatasetSpec, str, int]:
    """The spec, the quarantine directory and the span."""
    config = example_gen_pb2.CustomConfig()
    settings = struct_pb2.Struct()
    proto_utils.json_to_proto(exec_properties["custom_config"], config)
    config.custom_config.Unpack(settings)
    values = json_format.MessageToDict(settings)
    return DatasetSpec.from_json(values["spec"]), values["quarantine_dir"], int(values["span"])
