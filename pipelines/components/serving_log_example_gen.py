"""ServingLogExampleGen: logged serving requests as examples, in one split."""

from __future__ import annotations

import os
from typing import Any

import apache_beam as beam
from tfx.components.example_gen import base_example_gen_executor, component
from tfx.dsl.components.base import executor_spec
from tfx.proto import example_gen_pb2

from pipelines.checks.serving_log import to_examples
from pipelines.components.data_checks import SERVING


@beam.ptransform_fn
@beam.typehints.with_input_types(beam.Pipeline)
@beam.typehints.with_output_types(bytes)
def _read(
    pipeline: beam.Pipeline, exec_properties: dict[str, Any], split_pattern: str
) -> beam.PCollection:
    pattern = os.path.join(exec_properties["input_base"], split_pattern)
    records = pipeline | "Read" >> beam.io.ReadFromTFRecord(pattern)
    return records | "ToExamples" >> beam.FlatMap(to_examples).with_output_types(bytes)


class Executor(base_example_gen_executor.BaseExampleGenExecutor):
    """Reads TFRecords of tf.Examples or PredictionLogs."""

    def GetInputSourceToExamplePTransform(self) -> beam.PTransform:  # noqa: N802 (TFX's name)
        """From a pipeline to serialised tf.Examples."""
        return _read


class ServingLogExampleGen(component.FileBasedExampleGen):
    """Turns a log of serving requests into examples.

    Args:
        path: A file or glob of TFRecords, absolute or a URL.
    """

    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(Executor)

    def __init__(self, path: str) -> None:
        folder, pattern = os.path.split(path)
        split = example_gen_pb2.SplitConfig.Split(name=SERVING, hash_buckets=1)
        super().__init__(
            input_base=folder,
            input_config=example_gen_pb2.Input(
                splits=[example_gen_pb2.Input.Split(name=SERVING, pattern=pattern)]
            ),
            output_config=example_gen_pb2.Output(
                split_config=example_gen_pb2.SplitConfig(splits=[split])
            ),
        )
