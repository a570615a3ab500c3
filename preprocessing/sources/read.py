"""Reads a table of the spec as a Beam transform: column batches, rejected rows, and counters."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator

import apache_beam as beam
import pyarrow as pa
from apache_beam.metrics import Metrics

from preprocessing.counts import Counts
from preprocessing.errors import BrokenFileError
from preprocessing.quarantine import RejectedRow
from preprocessing.sources.bigquery import ReadRows, read_rows
from preprocessing.sources.broken import lost_rest
from preprocessing.sources.check_batch import check_batch
from preprocessing.sources.columns import Column, TableName, columns_of
from preprocessing.sources.explode import explode_of
from preprocessing.sources.files import files_of, size_of
from preprocessing.sources.formats import reader_of
from preprocessing.sources.nested import Row
from preprocessing.sources.partitions import partitions_of, with_partitions
from preprocessing.sources.raw import RawBatch
from preprocessing.sources.row_counts import rows_of
from preprocessing.sources.row_numbers import NumberInFile
from preprocessing.sources.section import Section, SectionRows
from preprocessing.sources.zone_counts import zones_of
from preprocessing.spec import DatasetSpec
from preprocessing.spec_tables import Table

BATCHES = "batches"
REJECTED = "rejected"
COUNTS = "counts"
_SECTIONS = "sections"
_METRICS = "preprocessing"


class ReadTable(beam.PTransform):
    """From a pipeline's root to the PCollections `batches` (pa.Table), `rejected` and `counts`.

    They are in a dictionary, by BATCHES, REJECTED and COUNTS.
    """

    def __init__(self, spec: DatasetSpec, table: TableName) -> None:
        super().__init__(f"Read[{table}]")
        self._spec = spec
        self._table = table

    def expand(self, root: beam.Pipeline) -> dict[str, beam.PCollection]:
        read = beam.ParDo(_ReadSource(self._spec, self._table))
        outputs = read.with_outputs(REJECTED, COUNTS, _SECTIONS, main=BATCHES)
        found = self._sources(root) | "Read" >> outputs
        sections = beam.pvalue.AsList(found[_SECTIONS])
        rejected = found[REJECTED] | "Number" >> beam.ParDo(NumberInFile(), sections)
        return {BATCHES: found[BATCHES], REJECTED: rejected, COUNTS: found[COUNTS]}

    def _sources(self, root: beam.Pipeline) -> beam.PCollection:
        """Lists of BigQuery's rows, or sections of files, spread over the workers."""
        declared = getattr(self._spec, self._table)
        if declared.bigquery:
            return root | ReadRows(self._spec, self._table)
        return (
            root
            | "Table" >> beam.Create([declared])
            | "Files" >> beam.FlatMap(files_of, self._table)
            | "SpreadFiles" >> beam.Reshuffle()
            | "Sections" >> beam.FlatMap(_sections_of, declared)
            | "Spread" >> beam.Reshuffle()
        )


def _sections_of(path: str, declared: Table) -> list[Section]:
    try:
        return reader_of(declared).sections(path, declared)
    except BrokenFileError:  # reading it raises the error again, where it is dealt with
        return [Section(path)]


class _ReadSource(beam.DoFn):
    """Sections of files, or lists of BigQuery's rows, to batches."""

    def __init__(self, spec: DatasetSpec, table: TableName) -> None:
        super().__init__()
        self._spec = spec
        self._table = table

    def process(self, source: Section | list[Row]) -> Iterator[pa.Table | beam.pvalue.TaggedOutput]:
        counts: Counts = Counter()
        has_entries = explode_of(getattr(self._spec, self._table)) is not None
        if isinstance(source, Section) and not source.start:
            counts["bytes", self._table, "read"] += size_of(source.path)
        start = source.start if isinstance(source, Section) else 0
        for part in self._parts(source):
            if isinstance(part, SectionRows):
                yield beam.pvalue.TaggedOutput(_SECTIONS, part)
                continue
            if isinstance(part, list):
                for row in part:
                    self._count_rejected(row, counts)
                    yield beam.pvalue.TaggedOutput(REJECTED, (start, row))
                entries = sum(row.is_entry for row in part)
                rows = len(part) - entries
            else:
                yield part.replace_schema_metadata(None)
                counts.update(zones_of(part, self._table))
                entries = part.num_rows
                rows = rows_of(part)
            counts["rows", self._table, "read"] += rows
            if has_entries:
                counts["rows", self._table, "entries"] += entries
            Metrics.counter(_METRICS, f"read_{self._table}").inc(rows)
        yield beam.pvalue.TaggedOutput(COUNTS, counts)

    def _count_rejected(self, row: RejectedRow, counts: Counts) -> None:
        what = "rejected_entries" if row.is_entry else "rejected"
        counts["rows", self._table, what, row.reason] += 1
        if row.lost_bytes:
            counts["bytes", self._table, "lost"] += row.lost_bytes
        Metrics.counter(_METRICS, f"rejected_{self._table}_{row.reason}").inc()

    def _parts(
        self, source: Section | list[Row]
    ) -> Iterator[pa.Table | list[RejectedRow] | SectionRows]:
        if isinstance(source, list):
            return read_rows(self._spec, self._table, source)
        logging.info("Reading %s from %s", self._table, source)
        return read_section(self._spec, self._table, source)


def read_table(
    spec: DatasetSpec, table: TableName, path: str
) -> Iterator[pa.Table | list[RejectedRow]]:
    """Reads one file of a table; see `read_section`."""
    for part in read_section(spec, table, Section(path)):
        if not isinstance(part, SectionRows):
            yield part


def read_section(
    spec: DatasetSpec, table: TableName, section: Section
) -> Iterator[pa.Table | list[RejectedRow] | SectionRows]:
    """Reads a part of a file of a table: batches of good rows, and lists of rejected ones.

    Last comes how many rows the part has, where its rows are numbered from 1.

    Raises:
        DataError: a column is missing.
        BrokenFileError: the file breaks off or can't be opened, and isn't one that may.
    """
    declared = getattr(spec, table)
    columns = columns_of(spec, table)
    try:
        for part in _raw_parts(declared, table, section, columns):
            if isinstance(part, RawBatch):
                yield from check_batch(part, declared, table, columns, section.path)
            else:
                yield [part] if isinstance(part, RejectedRow) else part
    except BrokenFileError as error:
        yield [lost_rest(error, declared, table, section.path)]


def _raw_parts(
    declared: Table, table: TableName, section: Section, columns: tuple[Column, ...]
) -> Iterator[RawBatch | RejectedRow | SectionRows]:
    """The rows of a section, with the columns that its folders give."""
    reader = reader_of(declared)
    explode = explode_of(declared)
    given = partitions_of(section.path)
    if any(column.source in given for column in columns):
        names = reader.read_header(section.path, declared).names
        given = {name: value for name, value in given.items() if name not in names}
    in_file = tuple(column for column in columns if column.source not in given)
    constants = {column.name: given[column.source] for column in columns if column.source in given}
    for part in reader.read_batches(section, declared, table, in_file, explode):
        if constants and isinstance(part, RawBatch):
            part = with_partitions(part, constants)
        yield part
