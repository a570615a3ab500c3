"""The part of the dataset spec that says what is read from BigQuery."""

from __future__ import annotations

import re
from typing import Literal

import pydantic

from preprocessing.config import Config
from preprocessing.spec_sources import Source

_TABLE = re.compile(r"[\w-]+[.:]\w+\.[\w$-]+|\w+\.[\w$-]+")


class BigQuery(Config):
    """A table, or what a query finds.

    Attributes:
        table: `project.dataset.table`, or `dataset.table` of the job's own project.
        query: Standard SQL. Nested and repeated fields stay as they are.
        method: `export` writes Avro files below Beam's temp_location and reads those; `direct`
            reads from BigQuery's storage, of a table only the columns that the spec needs.
        shards: Into how many parts users are spread; one for about a million events. (Of files,
            their sizes tell.) For the events only.
    """

    table: str | None = None
    query: str | None = None
    method: Literal["export", "direct"] = "export"
    shards: int = pydantic.Field(64, ge=1)

    @pydantic.model_validator(mode="after")
    def _check(self) -> BigQuery:
        if (self.table is None) == (self.query is None):
            raise ValueError(
                f"either table or query. Received: table={self.table!r}, query={self.query!r}"
            )
        if self.table is not None and not _TABLE.fullmatch(self.table):
            raise ValueError(
                f"table must be project.dataset.table or dataset.table. Received: {self.table}"
            )
        return self

    @property
    def place(self) -> str:
        """What it is called in messages and in the quarantine."""
        if self.table:
            return f"bigquery:{self.table}"
        words = (self.query or "").split()
        return f"bigquery:{' '.join(words)}"


class BigQuerySource(Source):
    """Format `bigquery`: it has no files.

    Attributes:
        bigquery: What is read.
    """

    bigquery: BigQuery

    @property
    def place(self) -> str:
        """See Source."""
        return self.bigquery.place
