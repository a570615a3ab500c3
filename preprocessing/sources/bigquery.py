"""Reads from BigQuery through Beam's own source; rows are dictionaries, checked in batches."""

from __future__ import annotations

import dataclasses
import importlib.util
import json
from collections.abc import Iterator
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa

from preprocessing.errors import DataError
from preprocessing.quarantine import RejectedRow
from preprocessing.sources.check_batch import check_batch
from preprocessing.sources.columns import Column, TableName, columns_of
from preprocessing.sources.explode import columns_in_file, explode_of
from preprocessing.sources.nested import Row, batch_of
from preprocessing.sources.raw import Header
from preprocessing.spec import DatasetSpec
from preprocessing.spec_bigquery import BigQuery

_FEWEST_ROWS = 1_000
_MOST_ROWS = 20_000
_SHOWN_CHARACTERS = 300


def check_client(source: BigQuery) -> None:
    """Checks that Google's packages are installed, without which Beam fails late and obscurely.

    Raises:
        DataError: they aren't.
    """
    try:
        found = importlib.util.find_spec("google.cloud.bigquery")
    except ModuleNotFoundError:
        found = None
    if found is None:
        raise DataError(
            f"{source.place}: this needs Google's packages. Run: pip install 'srp4ctr[bigquery]'."
        )


class ReadRows(beam.PTransform):
    """From a pipeline's root to lists of a table's rows, each a dictionary."""

    def __init__(self, spec: DatasetSpec, table: TableName) -> None:
        super().__init__(f"BigQuery[{table}]")
        self._source: BigQuery = getattr(spec, table).bigquery
        self._options = read_options(self._source, _columns_to_read(spec, table))

    def expand(self, root: beam.Pipeline) -> beam.PCollection:
        check_client(self._source)
        rows = root | "Read" >> beam.io.ReadFromBigQuery(**self._options)
        return rows | "Batch" >> beam.BatchElements(
            min_batch_size=_FEWEST_ROWS, max_batch_size=_MOST_ROWS
        )


def read_options(source: BigQuery, columns: tuple[Column, ...]) -> dict[str, Any]:
    """The arguments of Beam's ReadFromBigQuery."""
    if source.query is not None:
        what: dict[str, Any] = {
            "query": source.query,
            "use_standard_sql": True,
            "flatten_results": False,
        }
    else:
        *project, dataset, table = str(source.table).replace(":", ".").split(".")
        what = {"table": ":".join([*project, f"{dataset}.{table}"])}
        if source.method == "direct":
            what["selected_fields"] = sorted({column.source.split(".")[0] for column in columns})
    methods = beam.io.ReadFromBigQuery.Method
    return what | {"method": methods.DIRECT_READ if source.method == "direct" else methods.EXPORT}


def read_rows(
    spec: DatasetSpec, table: TableName, rows: list[Row]
) -> Iterator[pa.Table | list[RejectedRow]]:
    """Checks and types some rows: a batch of good ones, and lists of rejected ones.

    BigQuery has no row numbers; a rejected row has the number 0 and its own beginning in its
    message.

    Raises:
        DataError: a column is missing.
    """
    declared = getattr(spec, table)
    place = declared.bigquery.place
    columns = columns_of(spec, table)
    to_read = _columns_to_read(spec, table)
    for column in to_read:
        if column.source.split(".")[0] not in rows[0]:
            Header(tuple(rows[0])).position(column, place)  # raises the error that names it
    raw, rejected = batch_of(rows, np.arange(len(rows)), columns, explode_of(declared), place)
    for part in (rejected, *check_batch(raw, declared, table, columns, place)):
        if isinstance(part, pa.Table):
            yield part
        elif part:
            yield [_named(row, rows[row.row]) for row in part]


def _columns_to_read(spec: DatasetSpec, table: TableName) -> tuple[Column, ...]:
    return columns_in_file(explode_of(getattr(spec, table)), columns_of(spec, table))


def _named(rejected: RejectedRow, row: Row) -> RejectedRow:
    """A rejected row that people can find again: by its beginning, as it has no number."""
    shown = json.dumps(row, default=str, ensure_ascii=False)[:_SHOWN_CHARACTERS]
    return dataclasses.replace(rejected, row=0, message=f"{rejected.message}. The row: {shown}")
