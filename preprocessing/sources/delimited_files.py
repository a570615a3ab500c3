"""The options of delimited text."""

from __future__ import annotations

from typing import Annotated, ClassVar

import pydantic

from preprocessing.spec_sources import TextFiles


class DelimitedFiles(TextFiles):
    """What delimited formats have in common.

    Attributes:
        delimiter: What separates values, one or more characters; by default the format's own.
    """

    reader: ClassVar[str] = "preprocessing.sources.delimited"

    delimiter: Annotated[str, pydantic.Field(min_length=1)] | None = None

    @property
    def names(self) -> tuple[str, ...] | None:
        """The columns' names, for files that have no header line."""
        return None

    @property
    def may_quote(self) -> bool:
        """Whether values may be in double quotes."""
        return False


class RecboleFiles(DelimitedFiles):
    """RecBole's atomic files: tab-separated, with a typed header and never a quote."""

    @property
    def suffixes(self) -> tuple[str, ...]:
        """See Files."""
        return (".inter", ".item", ".user")


class CsvFiles(DelimitedFiles):
    """CSV and TSV.

    Attributes:
        quotes: Whether values may be in double quotes, with delimiters and line breaks inside.
            Where they never are, say so: then every line is a row, and a large file is read by
            several workers.
        columns: The columns' names, for files that have no header line.
    """

    quotes: bool = True
    columns: tuple[str, ...] | None = None

    @property
    def names(self) -> tuple[str, ...] | None:
        """See DelimitedFiles."""
        return self.columns

    @property
    def may_quote(self) -> bool:
        """See DelimitedFiles."""
        return self.quotes
