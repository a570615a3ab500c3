"""Reads a text file as blocks of bytes that end where lines end, and cuts it into sections at line ends."""

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
from preprocessing.sources.section import Section

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
        path: For error messages.
        stream: The file's bytes, decompressed.
        stored: The file as it is stored.
        encoding: What they are encoded in.
        remaining: How many bytes to read; None for all.
        block_bytes: The size of a block, unless a line is longer.
        error: What broke the file off, once that has been reached.
    """

    path: str
    stream: IO[bytes]
    stored: IO[bytes]
    encoding: str = "utf-8"
    remaining: int | None = None
    block_bytes: int = BLOCK_BYTES
    error: BaseException | None = None
    _rest: bytes = b""
    _ended: bool = False

    def take(self) -> bytes:
        """The next whole lines; b"" at the end, or where the file breaks off (see `error`)."""
        parts, held, has_line = [self._rest], len(self._rest), b"\n" in self._rest
        while not self._ended and (held < self.block_bytes or not has_line):
            chunk = self._chunk()
            has_line = has_line or b"\n" in chunk
            parts.append(chunk)
            held += len(chunk)
            if held > _LONGEST_LINE and not has_line:
                raise DataError(
                    f"{self.path}: a line of more than {_LONGEST_LINE >> 20} MB. Is this a text file?"
                )
        data = b"".join(parts)
        stop = len(data) if self._ended and self.error is None else data.rfind(b"\n") + 1
        self._rest = (
            data[stop:] if not self._ended else b""
        )  # half a line before a break is lost with the break
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

    def check_whole(self, row: int) -> None:
        """Raises a BrokenFileError if the file has broken off; `row` is the first that can't be read."""
        if self.error:
            message = f"{self.path}: the file breaks off at row {row}: {self.error}."
            raise BrokenFileError(message, row, self.stored.tell())

    def _chunk(self) -> bytes:
        size = _CHUNK_BYTES if self.remaining is None else min(_CHUNK_BYTES, self.remaining)
        try:  # read() of a decompressor would lose what it has gathered before an error
            chunk = getattr(self.stream, "read1", self.stream.read)(size) if size else b""
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
        reader = BlockReader(section.path, stream, stored, encoding, remaining, block_bytes)
        if not section.start:
            reader.skip_mark()
        yield reader


def line_sections(path: str, section_bytes: int = SECTION_BYTES) -> list[Section]:
    """Cuts a text file into sections of about `section_bytes` that end where lines end; a compressed file is one."""
    size = 0 if is_compressed(path) else size_of(path)
    starts = [0]
    if size > section_bytes:
        with open_binary(path) as stream:
            for target in range(section_bytes, size, section_bytes):
                stream.seek(max(target, starts[-1]))
                stream.readline()
                if starts[-1] < stream.tell() < size:
                    starts.append(stream.tell())
    return [Section(path, *part) for part in zip(starts, [*starts[1:], None], strict=True)]


def count_lines(path: str, stop: int) -> int:
    """The lines that end within the first `stop` bytes of a file; a line ends with LF, CR or CR LF."""
    lines = 0
    if stop:
        with open_blocks(Section(path, 0, stop)) as reader:
            while block := reader.take():
                lines += block.count(b"\n") + block.count(b"\r") - block.count(b"\r\n")
    return lines
