"""Reads a table of the spec as a Beam transform: column batches, rejected rows, and counters."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator

import apache_beam as beam
import pyarrow as pa
from apache_beam.io import fileio
from apache_beam.metrics import Metrics

from preprocessing.quarantine import RejectedRow
from preprocessing.sources.columns import Column, TableName, columns_of
from preprocessing.sources.explode import columns_in_file, explode_batch
from preprocessing.sources.formats import reader_of
from preprocessing.sources.parse import parse_batch
from preprocessing.sources.raw import RawBatch
from preprocessing.sources.section import Section
from preprocessing.spec import DatasetSpec, Entities, Events, Explode

BATCHES, REJECTED, COUNTS = "batches", "rejected", "counts"
_METRICS = "preprocessing"


class ReadTable(beam.PTransform):
    """From a pipeline's root to a tuple of PCollections: `batches` (pa.Table), `rejected`, `counts`."""

    def __init__(self, spec: DatasetSpec, table: TableName) -> None:
        super().__init__(f"Read[{table}]")
        self._spec = spec
        self._table = table

    def expand(self, root: beam.Pipeline) -> beam.pvalue.DoOutputsTuple:
        declared = getattr(self._spec, self._table)
        return (
            root
            | "Patterns" >> beam.Create(declared.paths)
            | "Match" >> fileio.MatchAll()
            | "Sections" >> beam.FlatMap(lambda file, table: reader_of(table).sections(file.path, table), declared)
            | "Spread" >> beam.Reshuffle()
            | "Read" >> beam.ParDo(_ReadSection(self._spec, self._table)).with_outputs(REJECTED, COUNTS, main=BATCHES)
        )


class _ReadSection(beam.DoFn):
    def __init__(self, spec: DatasetSpec, table: TableName) -> None:
        super().__init__()
        self._spec = spec
        self._table = table

    def process(self, section: Section) -> Iterator[pa.Table | beam.pvalue.TaggedOutput]:
        counts: Counter[tuple[str, ...]] = Counter()
        for part in read_section(self._spec, self._table, section):
            rejected = part if isinstance(part, list) else []
            for row in rejected:
                counts["rows", self._table, "rejected", row.reason] += 1
                Metrics.counter(_METRICS, f"rejected_{self._table}_{row.reason}").inc()
                yield beam.pvalue.TaggedOutput(REJECTED, row)
            rows = len(rejected) if isinstance(part, list) else part.num_rows
            counts["rows", self._table, "read"] += rows
            Metrics.counter(_METRICS, f"read_{self._table}").inc(rows)
            if not isinstance(part, list):
                yield part
        logging.info("Read %d rows of %s from %s", counts["rows", self._table, "read"], self._table, section)
        yield beam.pvalue.TaggedOutput(COUNTS, counts)


def read_table(spec: DatasetSpec, table: TableName, path: str) -> Iterator[pa.Table | list[RejectedRow]]:
    """Reads one file of a table; see `read_section`."""
    return read_section(spec, table, Section(path))


def read_section(spec: DatasetSpec, table: TableName, section: Section) -> Iterator[pa.Table | list[RejectedRow]]:
    """Reads a part of a file of a table: batches of good rows, and lists of rejected ones.

    Raises:
        DataError: a column is missing.
    """
    declared = getattr(spec, table)
    columns = columns_of(spec, table)
    in_file = columns_in_file(explode_of(declared), columns)
    for part in reader_of(declared).read_batches(section, declared, table, in_file):
        yield from check_batch(part, declared, table, columns, section.path) if isinstance(part, RawBatch) else [[part]]


def check_batch(
    raw: RawBatch, declared: Events | Entities, table: TableName, columns: tuple[Column, ...], path: str
) -> Iterator[pa.Table | list[RejectedRow]]:
    """Rows as they were read to good ones, typed, and rejected ones."""
    explode = explode_of(declared)
    if explode:
        raw, rejected = explode_batch(raw, explode, columns, path)
        if rejected:
            yield rejected
    good, rejected = parse_batch(raw, columns, table, path, declared.time_format)
    yield good
    if rejected:
        yield rejected


def explode_of(declared: Events | Entities) -> Explode | None:
    """How a table's rows are taken apart; None if they aren't."""
    return declared.explode if isinstance(declared, Events) else None
