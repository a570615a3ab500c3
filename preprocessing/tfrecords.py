"""Writes gzipped TFRecord files, many records at a time, on any file system Beam knows."""

from __future__ import annotations

import contextlib
import struct
import uuid
import zlib
from collections import deque
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType

from apache_beam.io.filesystem import BeamIOError, CompressionTypes
from apache_beam.io.filesystems import FileSystems
from google_crc32c import value as crc32c

_GZIP_LEVEL = 6  # what TensorFlow's and Beam's own writers use
_GZIP_WINDOW = 31  # zlib's name for the largest window with gzip's header
_MOST_WAITING = 4
_LENGTH = struct.Struct("<Q")
_CHECKSUM = struct.Struct("<I")


class RecordFile:
    """A file of records, which compresses and writes in a thread of its own.

    So the next records can be made meanwhile. The file has another name, beside its folder, until
    it is whole: an attempt that fails or is killed leaves the file of an earlier one as it is, and
    nothing that a reader of the folder would find.

    Args:
        path: Where; a file that is there is replaced.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._unfinished = _unfinished(path)
        self._stream = FileSystems.create(
            self._unfinished, "application/octet-stream", CompressionTypes.UNCOMPRESSED
        )
        self._compressor = zlib.compressobj(_GZIP_LEVEL, zlib.DEFLATED, _GZIP_WINDOW)
        self._thread = ThreadPoolExecutor(1)
        self._waiting: deque[Future[None]] = deque()
        self.size = 0

    def __enter__(self) -> RecordFile:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self._finish(failed=error is not None)
        except BaseException:
            self._discard()
            raise
        if error is not None:
            self._discard()

    def write(self, records: Iterable[bytes]) -> None:
        """Appends records; waits while too many are waiting."""
        if len(self._waiting) == _MOST_WAITING:
            self._waiting.popleft().result()
        self._waiting.append(self._thread.submit(self._write, records))

    def _finish(self, failed: bool) -> None:
        try:
            while self._waiting and not failed:
                self._waiting.popleft().result()
            self._thread.shutdown(cancel_futures=True)
            self._put(self._compressor.flush())
        finally:
            self._stream.close()
        if not failed:
            _put_in_place(self._unfinished, self._path)

    def _discard(self) -> None:
        with contextlib.suppress(OSError):  # BeamIOError, too: what led here says more
            FileSystems.delete([self._unfinished])

    def _write(self, records: Iterable[bytes]) -> None:
        framed = b"".join(map(_framed, records))
        self._put(self._compressor.compress(framed))

    def _put(self, compressed: bytes) -> None:
        self._stream.write(compressed)
        self.size += len(compressed)


def _unfinished(path: str) -> str:
    """A name that no other attempt has, hidden, in the folder that the file's folder is in."""
    folder, name = FileSystems.split(path)
    parent, split = FileSystems.split(folder)
    return FileSystems.join(parent, f".{split}-{name}-{uuid.uuid4().hex}.part")


def _put_in_place(unfinished: str, path: str) -> None:
    """Renames: in one step on local disks, and where an object has no name until it is whole."""
    with contextlib.suppress(OSError):  # the folder is there
        FileSystems.mkdirs(FileSystems.split(path)[0])
    try:
        FileSystems.rename([unfinished], [path])
    except BeamIOError:
        if not FileSystems.exists(path):
            raise
        FileSystems.delete([path])  # HDFS doesn't rename to a name that is taken
        FileSystems.rename([unfinished], [path])


def _framed(record: bytes) -> bytes:
    """A record as TFRecord files have it: its length, and both with a checksum."""
    length = _LENGTH.pack(len(record))
    of_length = _CHECKSUM.pack(_masked(crc32c(length)))
    of_record = _CHECKSUM.pack(_masked(crc32c(record)))
    return b"".join([length, of_length, record, of_record])


def _masked(checksum: int) -> int:
    """The checksum as TFRecord files keep it: rotated by 15 bits, plus a constant."""
    return ((checksum >> 15 | checksum << 17) + 0xA282EAD8) & 0xFFFFFFFF
