"""The options of delimited text: CSV, TSV and RecBole's files."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

import pydantic

from preprocessing.config import is_saved
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
            several workers. With a delimiter of several characters they never are.
        columns: The columns' names, for files that have no header line.
    """

    quotes: bool = True
    columns: tuple[str, ...] | None = None

    @pydantic.model_validator(mode="after")
    def _check_quotes(self, info: pydantic.ValidationInfo) -> CsvFiles:
        is_asked_for = self.quotes and "quotes" in self.model_fields_set
        if is_asked_for and not self.may_quote and not is_saved(info):
            raise ValueError(
                f"quotes are only read with a delimiter of one ASCII character. Leave `quotes` "
                f"out, or write the file with another delimiter. Received: quotes=true, "
                f"delimiter={self.delimiter!r}"
            )
        return self

    def _as_written(self, content: dict[str, Any]) -> dict[str, Any]:
        """See Config: without quotes that aren't read."""
        if self.quotes and not self.may_quote:
            content.pop("quotes", None)
        return content

    @property
    def names(self) -> tuple[str, ...] | None:
        """See DelimitedFiles."""
        return self.columns

    @property
    def may_quote(self) -> bool:
        """See DelimitedFiles."""
        is_one_byte = self.delimiter is None or len(self.delimiter.encode()) == 1
        return self.quotes and is_one_byte
