"""The Beam transform that leaves rejected rows and the data report in a quarantine directory."""

from __future__ import annotations

import apache_beam as beam
from apache_beam.io.filesystems import FileSystems

from preprocessing.combiners import SumCounts
from preprocessing.counts import Counts
from preprocessing.quarantine import REJECTED_FILE, REPORT_FILE
from preprocessing.report import data_report
from preprocessing.spec import DatasetSpec
from preprocessing.splits import CutOffs, TimeProfile


class WriteQuarantine(beam.PTransform):
    """From the counters of a run to its report; see `check_quarantine` for what reads it.

    Args:
        spec: The dataset spec.
        directory: Where both go.
        rejected: The rejected rows of each table.
        cutoffs: Where time is cut.
        profile: When events were.
    """

    def __init__(
        self,
        spec: DatasetSpec,
        directory: str,
        rejected: list[beam.PCollection],
        cutoffs: beam.PCollection,
        profile: beam.PCollection,
    ) -> None:
        super().__init__()
        self._spec = spec
        self._directory = directory
        self._rejected = rejected
        self._cutoffs = cutoffs
        self._profile = profile

    def expand(self, counts: tuple[beam.PCollection, ...]) -> beam.PCollection:
        self._write_rejected()
        path = FileSystems.join(self._directory, REPORT_FILE)
        flat = counts | "FlattenCounts" >> beam.Flatten()
        total = flat | "Sum" >> beam.CombineGlobally(SumCounts())
        cutoffs = beam.pvalue.AsSingleton(self._cutoffs)
        profile = beam.pvalue.AsSingleton(self._profile)
        report = total | "Report" >> beam.Map(_report, self._spec, cutoffs, profile)
        write = beam.io.WriteToText(path, num_shards=1, shard_name_template="")
        return report | "WriteReport" >> write

    def _write_rejected(self) -> None:
        path = FileSystems.join(self._directory, REJECTED_FILE)
        rows = self._rejected | "FlattenRejected" >> beam.Flatten()
        lines = rows | "ToJson" >> beam.Map(lambda row: row.to_json())
        # An object store may refuse an empty file; without rejected rows an earlier run's file
        # goes.
        write = beam.io.WriteToText(path, num_shards=1, shard_name_template="", skip_if_empty=True)
        _ = lines | "WriteRejected" >> write


def _report(counts: Counts, spec: DatasetSpec, cutoffs: CutOffs, profile: TimeProfile) -> str:
    return data_report(spec, counts, cutoffs, profile)
