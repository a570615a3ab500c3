"""Reads a table for a job that leaves no quarantine: too many rejected rows fail the job."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Iterable
from typing import Any

import apache_beam as beam
from apache_beam.metrics import Metrics

from preprocessing.combiners import SumCounts
from preprocessing.counts import Counts, nested
from preprocessing.errors import DataError
from preprocessing.quarantine import RejectedRow, too_many
from preprocessing.sources.columns import TableName
from preprocessing.sources.read import BATCHES, COUNTS, REJECTED, ReadTable
from preprocessing.spec import DatasetSpec

# Counters of a job: the rows of tables that were checked, and those of them that are rejected.
METRICS = "checked_tables"
ROWS = "rows"
ROWS_REJECTED = "rows_rejected"


class ReadChecked(beam.PTransform):
    """From a pipeline's root to the good rows of a table in batches (pa.Table).

    Rejected rows are counted, and one of each reason is logged.

    Args:
        spec: The dataset spec.
        table: Which table.

    Raises:
        DataError: while it runs: there are more rejected rows than `spec.max_bad_rows` allows, or
            as for ReadTable.
    """

    def __init__(self, spec: DatasetSpec, table: TableName) -> None:
        super().__init__(f"Checked[{table}]")
        self._spec = spec
        self._table = table

    def expand(self, root: beam.Pipeline) -> beam.PCollection:
        found = root | ReadTable(self._spec, self._table)
        # No Combine, which the DirectRunner can't do in a streaming job.
        examples = (
            found[REJECTED]
            | "ByReason" >> beam.Map(lambda row: (row.reason, row))
            | "GroupByReason" >> beam.GroupByKey()
            | "First" >> beam.MapTuple(lambda reason, rows: (reason, _first(rows)))
        )
        counts = (
            found[COUNTS]
            | "All" >> beam.Map(lambda counts: (None, counts))
            | "GroupCounts" >> beam.GroupByKey()
            | "Sum" >> beam.MapTuple(lambda _, counts: SumCounts().merge_accumulators(counts))
        )
        rejected = beam.pvalue.AsDict(examples)
        _ = counts | "Check" >> beam.Map(_check, self._spec, self._table, rejected)
        return found[BATCHES]


def _first(rows: Iterable[RejectedRow]) -> RejectedRow:
    return min(rows, key=lambda row: (row.file, row.row))


def _check(
    counts: Counts, spec: DatasetSpec, table: TableName, examples: dict[str, RejectedRow]
) -> None:
    found = nested(counts)
    rows = {"read": 0, "rejected": {}} | found.get("rows", {}).get(table, {})
    Metrics.counter(METRICS, ROWS).inc(rows["read"])
    Metrics.counter(METRICS, ROWS_REJECTED).inc(sum(rows["rejected"].values()))
    for reason, row in sorted(examples.items()):
        logging.warning("Rejected, %s: %s, row %d: %s", reason, row.file, row.row, row.message)

    def examples_of(table: str, reasons: set[str]) -> dict[str, dict[str, Any]]:
        return {reason: dataclasses.asdict(examples[reason]) for reason in reasons & set(examples)}

    message = too_many(spec, table, rows, found.get("bytes", {}).get(table, {}), examples_of)
    if message:
        raise DataError(message)
