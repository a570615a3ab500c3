"""Checks a spec's files before a pipeline starts: that they exist and have what is needed."""

from __future__ import annotations

import numpy as np

from preprocessing.errors import DataError
from preprocessing.sources.bigquery import check_client
from preprocessing.sources.columns import TABLES, TIME, Column, TableName, columns_of
from preprocessing.sources.explode import columns_in_file, explode_of
from preprocessing.sources.files import files_of
from preprocessing.sources.headers import check_headers
from preprocessing.sources.read import read_table
from preprocessing.spec import DatasetSpec
from preprocessing.spec_tables import Table
from preprocessing.splits import TimeProfile, cut_offs


def check_sources(spec: DatasetSpec) -> None:
    """Checks every table of `spec`, by the headers and as few rows as it takes.

    Tables in BigQuery are not read.

    Raises:
        DataError: a file, column or package is missing, the log is empty, or no event comes before
            the training cut-off.
    """
    check_tables(spec, titles=True)
    if not spec.events.bigquery:
        _check_events(spec)


def check_tables(spec: DatasetSpec, titles: bool = False) -> None:
    """Checks every table of `spec` by the headers of its files.

    Args:
        spec: The dataset spec.
        titles: Whether items need their titles, too, which only a run's report shows.

    Raises:
        DataError: a store can't be reached, or a file, column or package is missing.
    """
    for table in TABLES:
        declared = getattr(spec, table)
        if declared is not None and declared.bigquery:
            check_client(declared.bigquery)
        elif declared is not None:
            _check_headers(declared, table, columns_to_find(spec, table, titles))


def _check_headers(declared: Table, table: TableName, columns: tuple[Column, ...]) -> None:
    for _, problems in check_headers(declared, table, columns):
        if problems:
            raise DataError(problems[0])


def columns_to_find(spec: DatasetSpec, table: TableName, titles: bool = True) -> tuple[Column, ...]:
    """The columns that a table's files must have; with those of titles, or without."""
    declared = getattr(spec, table)
    columns = columns_in_file(explode_of(declared), columns_of(spec, table))
    title = getattr(declared, "title", None)
    if title and titles:
        columns += (Column("title", title, "text", f"{table}.title"),)
    return columns


def _check_events(spec: DatasetSpec) -> None:
    """Reads the log until it is certain that time can be cut: mostly one batch, at worst all."""
    profile = TimeProfile.empty()
    problem = DataError(f"{spec.events.path}: the log is empty: it has a header but no rows.")
    rejected = ""
    for path in files_of(spec.events, "events"):
        for part in read_table(spec, "events", path):
            if isinstance(part, list):
                if part and not rejected:
                    rejected = f" {part[0].file}, row {part[0].row}: {part[0].message}."
                continue
            times = part.column(TIME).to_numpy().astype(np.int64)
            profile = TimeProfile.merge([profile, TimeProfile.of(times)])
            try:
                cut_offs(profile, spec.split)
                return
            except DataError as error:
                problem = error
    if rejected or len(profile.hours):
        raise DataError(f"{spec.events.path}: {problem}{rejected}")
    raise problem
