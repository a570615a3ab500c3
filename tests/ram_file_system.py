"""TensorFlow's ram:// for Beam, so that tests can run with every path on a file system that isn't
local.

TensorFlow and TFX know ram:// themselves. A path that has lost one of its two slashes is another
path, as on gs://.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator, Sequence
from typing import Any

import tensorflow as tf
from apache_beam.io.filesystem import CompressedFile, CompressionTypes, FileMetadata, FileSystem


class RamFileSystem(FileSystem):
    """What Beam needs of a file system; importing it makes ram:// known."""

    @classmethod
    def scheme(cls) -> str:
        return "ram"

    def join(self, basepath: str, *paths: str) -> str:
        return "/".join([basepath.rstrip("/"), *(path.strip("/") for path in paths)])

    def split(self, path: str) -> tuple[str, str]:
        head, _, tail = path.rpartition("/")
        return head, tail

    def mkdirs(self, path: str) -> None:
        tf.io.gfile.makedirs(path)

    def has_dirs(self) -> bool:
        return False

    def _list(self, dir_or_prefix: str) -> Iterator[FileMetadata]:
        for folder, _, names in tf.io.gfile.walk("ram://"):
            for path in (f"{folder.rstrip('/')}/{name}" for name in names):
                with contextlib.suppress(tf.errors.NotFoundError):  # deleted meanwhile
                    if path.startswith(dir_or_prefix):
                        yield self.metadata(path)

    def create(
        self, path: str, mime_type: str = "", compression_type: str = CompressionTypes.AUTO
    ) -> io.BytesIO | CompressedFile:
        return _compressed(_Written(path), path, compression_type)

    def open(
        self, path: str, mime_type: str = "", compression_type: str = CompressionTypes.AUTO
    ) -> io.BytesIO | CompressedFile:
        with tf.io.gfile.GFile(path, "rb") as file:
            return _compressed(_Read(file.read()), path, compression_type)

    def copy(self, source_file_names: Sequence[str], destination_file_names: Sequence[str]) -> None:
        for source, destination in zip(source_file_names, destination_file_names, strict=True):
            tf.io.gfile.copy(source, destination, overwrite=True)

    def rename(
        self, source_file_names: Sequence[str], destination_file_names: Sequence[str]
    ) -> None:
        for source, destination in zip(source_file_names, destination_file_names, strict=True):
            tf.io.gfile.rename(source, destination, overwrite=True)

    def exists(self, path: str) -> bool:
        return tf.io.gfile.exists(path) and not tf.io.gfile.isdir(path)

    def size(self, path: str) -> int:
        return tf.io.gfile.stat(path).length

    def last_updated(self, path: str) -> float:
        return 0.0

    def checksum(self, path: str) -> str:
        return str(self.size(path))

    def metadata(self, path: str) -> FileMetadata:
        return FileMetadata(path, self.size(path), self.last_updated(path))

    def delete(self, paths: Sequence[str]) -> None:
        for path in paths:
            (tf.io.gfile.rmtree if tf.io.gfile.isdir(path) else tf.io.gfile.remove)(path)


class _Read(io.BytesIO):
    """A file's content."""

    mode = "rb"  # which Beam asks for


class _Written(io.BytesIO):
    """Becomes a file when it is closed."""

    mode = "wb"

    def __init__(self, path: str) -> None:
        super().__init__()
        self._path = path

    def close(self) -> None:
        if not self.closed:
            tf.io.gfile.makedirs(self._path.rpartition("/")[0])  # which object stores do without
            if tf.io.gfile.exists(self._path):  # which ram:// would append to
                tf.io.gfile.remove(self._path)
            with tf.io.gfile.GFile(self._path, "wb") as file:
                file.write(self.getvalue())
        super().close()


def _compressed(stream: io.BytesIO, path: str, compression_type: str) -> Any:
    if compression_type == CompressionTypes.AUTO:
        compression_type = CompressionTypes.detect_compression_type(path)
    return (
        stream
        if compression_type == CompressionTypes.UNCOMPRESSED
        else CompressedFile(stream, compression_type)
    )
