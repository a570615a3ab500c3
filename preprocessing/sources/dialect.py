"""How delimited text is written: its delimiter and quotes, and where its rows end."""

from __future__ import annotations

import csv
import dataclasses
from collections.abc import Iterator

import numpy as np

from preprocessing.sources.delimited_files import DelimitedFiles
from preprocessing.spec_tables import Table

_DELIMITERS = {"csv": ",", "tsv": "\t", "recbole": "\t"}
_QUOTE = ord('"')
_LINE_FEED = ord("\n")
_CARRIAGE_RETURN = ord("\r")
# Stands for a delimiter of several characters, which neither Python's csv nor Arrow's knows.
ONE_BYTE = "\x1f"


@dataclasses.dataclass(frozen=True)
class Dialect:
    """The delimiter, and whether values may be quoted."""

    delimiter: str
    quotes: bool

    @classmethod
    def of(cls, table: Table) -> Dialect:
        """The dialect that a table declares."""
        source = table.options(DelimitedFiles)
        delimiter = source.delimiter or _DELIMITERS[source.format]
        return cls(delimiter, source.may_quote)

    def rows(self, lines: Iterator[bytes]) -> Iterator[list[str]]:
        """Python's careful csv reader of lines; bytes that aren't UTF-8 become lone surrogates.

        It raises csv.Error where text follows a closing quote, and where a quote is never closed.
        """
        text = (self.with_one_byte(line).decode("utf-8", "surrogateescape") for line in lines)
        return csv.reader(
            text,
            delimiter=self.one_byte,
            quoting=csv.QUOTE_MINIMAL if self.quotes else csv.QUOTE_NONE,
            strict=True,
        )

    @property
    def one_byte(self) -> str:
        """The delimiter after `with_one_byte`."""
        return self.delimiter if len(self.delimiter.encode()) == 1 else ONE_BYTE

    def with_one_byte(self, text: bytes) -> bytes:
        """Text with the delimiter as one character."""
        if self.one_byte == self.delimiter:
            return text
        return text.replace(self.delimiter.encode(), ONE_BYTE.encode())

    def row_ends(self, block: bytes) -> np.ndarray | None:
        """One past each line feed that ends a row: int64.

        Returns:
            None if that can't be told without parsing: a quote stands where neither a value nor a
            quoted value begins or ends, so whether it quotes depends on what comes before.
        """
        text = np.frombuffer(block, np.uint8)
        ends = np.flatnonzero(text == _LINE_FEED) + 1
        if not self.quotes:
            return ends
        quotes = np.flatnonzero(text == _QUOTE)
        if not len(quotes):
            return ends
        around = np.concatenate([[_LINE_FEED], text, [_LINE_FEED]])  # places are shifted by one
        before = around[quotes[::2]]  # what comes before each opening quote
        after = around[quotes[1::2] + 2]  # what comes after each closing quote
        structure = [ord(self.delimiter), _LINE_FEED, _QUOTE]
        if not np.isin(before, structure).all():
            return None
        if not np.isin(after, [*structure, _CARRIAGE_RETURN]).all():
            return None
        # A line feed between an opening and a closing quote is part of a value.
        return ends[np.searchsorted(quotes, ends) % 2 == 0]
