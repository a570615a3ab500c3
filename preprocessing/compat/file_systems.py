"""Beam's file systems outside of a job."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from apache_beam.io.filesystem import (
    BeamIOError,
    CompressionTypes,
    FileMetadata,
    FileSystem,
)
from apache_beam.io.filesystems import FileSystems
from apache_beam.options.pipeline_options import PipelineOptions


def give_options() -> None:
    """Gives Beam's file systems options where no job has: that of s3:// refuses to be without.

    A pipeline that is made later replaces them by its own; a worker has those of its job.
    """
    if FileSystems._pipeline_options is None:
        FileSystems.set_options(PipelineOptions([]))


def list_below(prefix: str) -> list[FileMetadata]:
    """What a store has whose path begins so.

    Beam's `match` takes each name for a pattern, and knows no way to quote one.
    """
    return list(FileSystems.get_filesystem(prefix)._list(prefix))


def delete_files(paths: Sequence[str]) -> None:
    """Deletes files of a store, at least one. To the `delete` of Beam's gs:// they are patterns."""
    if not paths[0].startswith("gs://"):
        FileSystems.delete(paths)
        return
    statuses = FileSystems.get_filesystem(paths[0])._gcsIO().delete_batch(paths)
    failed = {path: error for path, error in statuses if error}
    if failed:
        raise BeamIOError("Delete operation failed", failed)


def first_cause(error: Any) -> str:
    """What went wrong, in a line. Beam tells of several files by a dictionary of their errors."""
    while getattr(error, "exception_details", None):
        error = next(iter(error.exception_details.values()))
    if isinstance(error, int):
        return f"it answers with HTTP status {error}"
    text = str(error)
    if type(error).__name__ == "S3ClientError":  # whose text is that of a tuple
        text = f"{error.message} (HTTP status {error.code})"
    return " ".join(f"{type(error).__name__}: {text}".split())


def create_empty(path: str) -> None:
    """Makes a file without content. Beam's s3:// ends an upload in parts, and S3 refuses none."""
    if not path.startswith("s3://"):
        FileSystems.create(path, compression_type=CompressionTypes.UNCOMPRESSED).close()
        return
    from apache_beam.io.aws.s3io import parse_s3_path

    bucket, key = parse_s3_path(path)
    _s3_client().put_object(Bucket=bucket, Key=key, Body=b"")


def has_bucket(path: str) -> bool:
    """Whether the bucket of an s3:// URL is there, or can't be told. Beam lists none as empty."""
    client = _s3_client()
    try:
        client.head_bucket(Bucket=path.removeprefix("s3://").partition("/")[0])
    except client.exceptions.ClientError as error:
        return str(error.response["ResponseMetadata"]["HTTPStatusCode"]) != "404"
    return True


def schemes() -> set[str]:
    """The schemes of URLs that Beam has file systems for, as far as their packages are there."""
    found = {file_system.scheme() for file_system in FileSystem.get_all_subclasses()}
    return {scheme for scheme in found if scheme}  # that of this machine has none


def s3_endpoint() -> str:
    """The URL where Beam asks for s3://."""
    give_options()
    return str(_s3_client().meta.endpoint_url)


def _s3_client() -> Any:
    """boto3's, as Beam makes it of its options and the environment."""
    from apache_beam.io.aws.s3io import S3IO

    return S3IO(options=FileSystems.get_filesystem("s3://")._options).client.client
