"""The job that makes records, on any engine and any file system, and what it wrote."""

from __future__ import annotations

import gzip
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import apache_beam as beam
from apache_beam.io.filesystem import CompressionTypes
from apache_beam.io.filesystems import FileSystems
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.runner import PipelineState

from pipelines.beam import BeamConfig, beam_args
from preprocessing.features import SPLITS
from preprocessing.quarantine import REJECTED_FILE, REPORT_FILE
from preprocessing.records import WriteRecords
from preprocessing.spec import DatasetSpec

SHARDS = 3
DIRECT = beam_args(BeamConfig())  # one process


class Written(NamedTuple):
    """What a job left.

    Attributes:
        files: The records of each file, by its split and name: framed, not compressed.
        rejected: The file of rejected rows, its lines in order; None where there is none.
        report: The data report.
    """

    files: dict[tuple[str, str], bytes]
    rejected: list[str] | None
    report: dict[str, Any]


def write_records(spec: DatasetSpec, folder: str, options: Sequence[str]) -> dict[str, int]:
    """Runs the job; returns its counters of records and rows by name."""
    pipeline = beam.Pipeline(options=PipelineOptions(list(options)))
    directories = {split: f"{folder}/{split}" for split in SPLITS}
    _ = pipeline | WriteRecords(directories, spec, f"{folder}/quarantine", SHARDS)
    result = pipeline.run()
    assert result.wait_until_finish() == PipelineState.DONE
    counters = result.metrics().query()["counters"]
    ours = [counter for counter in counters if counter.key.metric.namespace == "preprocessing"]
    found: dict[str, int] = {}
    for counter in ours:
        name = counter.key.metric.name
        found[name] = found.get(name, 0) + counter.committed
    return found


def written(folder: str) -> Written:
    """Everything below a job's folder."""
    files = {}
    for split in SPLITS:
        for path in _matching(f"{folder}/{split}/*"):
            files[split, path.rpartition("/")[2]] = gzip.decompress(_read(path))
    rejected = [_read(path).decode() for path in _matching(f"{folder}/quarantine/{REJECTED_FILE}")]
    report = json.loads(_read(f"{folder}/quarantine/{REPORT_FILE}"))
    return Written(files, sorted(rejected[0].splitlines()) if rejected else None, report)


def upload(path: str, url: str) -> None:
    """Copies a local file to a store."""
    with open(path, "rb") as source, FileSystems.create(url) as target:
        target.write(source.read())


def upload_dataset(spec: DatasetSpec, folder: Path, url: str) -> DatasetSpec:
    """Copies the files of a small data set to a store; returns its spec there."""
    tables = {}
    for name in ("events", "items", "users"):
        upload(str(folder / f"{name}.csv"), f"{url}/{name}.csv")
        tables[name] = getattr(spec, name).at(f"{url}/{name}.csv")
    return spec.model_copy(update=tables)


def _matching(pattern: str) -> list[str]:
    return sorted(metadata.path for metadata in FileSystems.match([pattern])[0].metadata_list)


def _read(path: str) -> bytes:
    with FileSystems.open(path, compression_type=CompressionTypes.UNCOMPRESSED) as stream:
        return bytes(stream.read())
