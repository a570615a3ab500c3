"""The part of a table's declaration that its format owns: where its rows are, and how written."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

import pydantic

from preprocessing.config import Config
from preprocessing.known_paths import KNOWN_PATHS, KnownPath


class Source(Config):
    """What every format has.

    A format's own options are fields of its class, which preprocessing/registry.py names.

    Attributes:
        format: The format's name.
    """

    format: str

    @property
    def place(self) -> str:
        """Where the rows are, for messages."""
        raise NotImplementedError


class Files(Source):
    """Rows of files.

    Attributes:
        reader: The module that reads them (`Reader` in preprocessing/sources/formats.py); "" is the
            class's own.
        path: A file, glob or folder, or several, absolute or relative to the data directory; any
            file system Beam knows. Of a folder, all files are meant that have one of the format's
            suffixes. Text whose name ends in .gz, .bz2, .zst or .xz is decompressed.
        may_break_off: Files or globs that may be damaged. They are read as far as they go, and what
            is lost counts as bad rows, by its share of the bytes. Any other damaged file fails the
            run.
    """

    reader: ClassVar[str] = ""

    path: Annotated[
        str | Annotated[tuple[str, ...], pydantic.Field(min_length=1)],
        KNOWN_PATHS,
    ]

    may_break_off: tuple[KnownPath, ...] = ()

    @property
    def suffixes(self) -> tuple[str, ...]:
        """What files of the format end in, in lower case."""
        return (f".{self.format}",)

    @property
    def paths(self) -> tuple[str, ...]:
        """The files or globs."""
        return (self.path,) if isinstance(self.path, str) else self.path

    @property
    def place(self) -> str:
        """See Source."""
        return ", ".join(self.paths)


class TextFiles(Files):
    """Rows of text.

    Attributes:
        encoding: What the text is encoded in.
    """

    encoding: Literal["utf-8", "latin-1"] = "utf-8"


class JsonLines(TextFiles):
    """Format `jsonl`."""

    reader: ClassVar[str] = "preprocessing.sources.jsonl"

    @property
    def suffixes(self) -> tuple[str, ...]:
        """See Files; Spark writes .json."""
        return (".jsonl", ".json", ".ndjson")


class ParquetFiles(Files):
    """Format `parquet`."""

    reader: ClassVar[str] = "preprocessing.sources.parquet"


class AvroFiles(Files):
    """Format `avro`."""

    reader: ClassVar[str] = "preprocessing.sources.avro"
