"""Reads text files in blocks of whole lines, and cuts them into sections of whole lines."""

from __future__ import annotations

import contextlib
import dataclasses
import lzma
import zlib
from collections.abc import Iterator
from typing import IO

from preprocessing.errors import BrokenFileError, DataError
from preprocessing.sources.file_types import odd_type
from preprocessing.sources.files import (
    decompressed,
    is_compressed,
    open_binary,
    open_stored,
    size_of,
)
from preprocessing.sources.section import Section, SectionRows

BLOCK_BYTES = 1 << 22
SECTION_BYTES = 1 << 26
BROKEN_FILE = (EOFError, zlib.error, lzma.LZMAError, OSError)
_CHUNK_BYTES = 1 << 18
_LONGEST_LINE = 1 << 28
_UTF_8_MARK = b"\xef\xbb\xbf"


@dataclasses.dataclass
class BlockReader:
    """The blocks of an open file, in UTF-8.

    Attributes:
        section: What is read.
        stream: The file's bytes, decompressed.
        stored: The file as it is stored.
        encoding: What they are encoded in.
        remaining: How many bytes to read; None for all.
        block_bytes: The size of a block, unless a line is longer.
        error: What broke the file off, once that has been reached.
    """

    section: Section
    stream: IO[bytes]
    stored: IO[bytes]
    encoding: str = "utf-8"
    remaining: int | None = None
    block_bytes: int = BLOCK_BYTES
    error: BaseException | None = None
    _rest: bytes = b""
    _ended: bool = False

    @property
    def path(self) -> str:
        """The file."""
        return self.section.path

    def take(self) -> bytes:
        """The next whole lines; b"" at the end, or where the file breaks off (see `error`)."""
        parts = [self._rest]
        held = len(self._rest)
        has_line = b"\n" in self._rest
        while not self._ended and (held < self.block_bytes or not has_line):
            chunk = self._chunk()
            has_line = has_line or b"\n" in chunk
            parts.append(chunk)
            held += len(chunk)
            if held > _LONGEST_LINE and not has_line:
                raise DataError(
                    f"{self.path}: a line of more than {_LONGEST_LINE >> 20} MB. Is this a text "
                    f"file?"
                )
        data = b"".join(parts)
        # The last line may lack a line break, but half a line before a break of the file is lost.
        stop = len(data) if self._ended and self.error is None else data.rfind(b"\n") + 1
        self._rest = b"" if self._ended else data[stop:]
        return data[:stop]

    def give_back(self, rest: bytes) -> None:
        """Puts lines that were taken and not used before what comes next."""
        self._rest = rest + self._rest

    def skip_mark(self) -> None:
        """Skips a byte order mark at the start of the file.

        Raises:
            DataError: this is no text of 8 bits.
        """
        block = self.take()
        what = odd_type(block or self._rest)
        if what:
            raise DataError(f"{self.path}: this {what}.")
        self.give_back(block.removeprefix(_UTF_8_MARK))

    def end(self, row: int) -> Iterator[SectionRows]:
        """Says how many rows a part of a file had; see `check_whole`."""
        if not self.section.is_whole:
            yield SectionRows(self.section, row - 1)
        self.check_whole(row)

    def check_whole(self, row: int) -> None:
        """Checks that the file has not broken off.

        Args:
            row: The first row that can't be read, counted from the section's start.

        Raises:
            BrokenFileError: it has.
        """
        if self.error:
            in_file = count_lines(self.path, self.section.start) + row
            message = f"{self.path}: the file breaks off at row {in_file}: {self.error}."
            raise BrokenFileError(message, row, self.stored.tell())

    def _chunk(self) -> bytes:
        size = _CHUNK_BYTES if self.remaining is None else min(_CHUNK_BYTES, self.remaining)
        # The read() of a decompressor would lose what it has gathered before an error.
        read = getattr(self.stream, "read1", self.stream.read)
        try:
            chunk = read(size) if size else b""
        except BROKEN_FILE as error:
            self.error = error
            chunk = b""
        self._ended = not chunk
        if self.remaining is not None:
            self.remaining -= len(chunk)
        return chunk if self.encoding == "utf-8" else chunk.decode(self.encoding).encode()


@contextlib.contextmanager
def open_blocks(
    section: Section, encoding: str = "utf-8", block_bytes: int = BLOCK_BYTES
) -> Iterator[BlockReader]:
    """Opens a section of a text file, without a byte order mark."""
    with open_stored(section.path) as stored, decompressed(stored, section.path) as stream:
        if section.start:
            stream.seek(section.start)
        remaining = None if section.stop is None else section.stop - section.start
        reader = BlockReader(
            section,
            stream,
            stored,
            encoding=encoding,
            remaining=remaining,
            block_bytes=block_bytes,
        )
        if not section.start:
            reader.skip_mark()
        yield reader


def line_sections(path: str, section_bytes: int = SECTION_BYTES) -> list[Section]:
    """Cuts a text file into sections of whole lines, of about `section_bytes` each.

    A compressed file is one section.
    """
    size = 0 if is_compressed(path) else size_of(path)
    starts = [0]
    if size > section_bytes:
        with open_binary(path) as stream:
            for target in range(section_bytes, size, section_bytes):
                stream.seek(max(target, starts[-1]))
                stream.readline()
                if starts[-1] < stream.tell() < size:
                    starts.append(stream.tell())
    stops = [*starts[1:], None]
    return [Section(path, start, stop) for start, stop in zip(starts, stops, strict=True)]


def count_lines(path: str, stop: int) -> int:
    """How many lines end within the first `stop` bytes of a file, with LF, CR or CR LF."""
    lines = 0
    if stop:
        with open_blocks(Section(path, 0, stop)) as reader:
            while block := reader.take():
                lines += block.count(b"\n") + block.count(b"\r") - block.count(b"\r\n")
    return lines
