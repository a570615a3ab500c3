"""Writes gzipped TFRecord files, many records at a time, on any file system Beam knows."""

from __future__ import annotations

import struct
import zlib
from collections import deque
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType

from apache_beam.io.filesystem import CompressionTypes
from apache_beam.io.filesystems import FileSystems
from google_crc32c import value as crc32c

_GZIP_LEVEL = 6  # what TensorFlow's and Beam's own writers use
_GZIP_WINDOW = 31  # zlib's name for the largest window with gzip's header
_MOST_WAITING = 4
_LENGTH, _CHECKSUM = struct.Struct("<Q"), struct.Struct("<I")


class RecordFile:
    """A file of records. Compresses and writes in a thread, so that the next records can be made meanwhile.

    Args:
        path: Where; a file that is there is replaced.
    """

    def __init__(self, path: str) -> None:
        self._stream = FileSystems.create(path, "application/octet-stream", CompressionTypes.UNCOMPRESSED)
        self._compressor = zlib.compressobj(_GZIP_LEVEL, zlib.DEFLATED, _GZIP_WINDOW)
        self._thread = ThreadPoolExecutor(1)
        self._waiting: deque[Future[None]] = deque()
        self.size = 0

    def __enter__(self) -> RecordFile:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            while self._waiting and error is None:
                self._waiting.popleft().result()
            self._thread.shutdown(cancel_futures=True)
            self._put(self._compressor.flush())
        finally:
            self._stream.close()

    def write(self, records: Iterable[bytes]) -> None:
        """Appends records; waits while too many are waiting."""
        if len(self._waiting) == _MOST_WAITING:
            self._waiting.popleft().result()
        self._waiting.append(self._thread.submit(self._write, records))

    def _write(self, records: Iterable[bytes]) -> None:
        self._put(self._compressor.compress(b"".join(part for record in records for part in _framed(record))))

    def _put(self, compressed: bytes) -> None:
        self._stream.write(compressed)
        self.size += len(compressed)


def _framed(record: bytes) -> tuple[bytes, ...]:
    length = _LENGTH.pack(len(record))
    return length, _CHECKSUM.pack(_masked(crc32c(length))), record, _CHECKSUM.pack(_masked(crc32c(record)))


def _masked(checksum: int) -> int:
    return ((checksum >> 15 | checksum << 17) + 0xA282EAD8) & 0xFFFFFFFF
