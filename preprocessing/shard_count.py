"""How large a log is, and how many shards it is spread over, so that any fits into a worker."""

from __future__ import annotations

import math

from preprocessing.sources.files import files_of, is_compressed, size_of
from preprocessing.spec import DatasetSpec

_FEWEST = 16
_MOST = 20_000
_BYTES_A_SHARD = 64 << 20
_COMPRESSION = 5  # text logs shrink by about so much


def shard_count(spec: DatasetSpec) -> int:
    """A shard for each 64 MiB of (uncompressed) log, which is about a million events; at least 16.

    The size of a log in BigQuery isn't known here: there the spec says how many,
    `events.bigquery.shards`.

    Raises:
        DataError: the log's files can't be found.
    """
    if spec.events.bigquery:
        return spec.events.bigquery.shards
    return min(max(_FEWEST, math.ceil(_log_bytes(spec) / _BYTES_A_SHARD)), _MOST)


def is_large(spec: DatasetSpec) -> bool:
    """Whether a log is of more than 64 MiB, uncompressed; one in BigQuery is taken for large.

    Raises:
        DataError: the log's files can't be found.
    """
    return spec.events.bigquery is not None or _log_bytes(spec) > _BYTES_A_SHARD


def _log_bytes(spec: DatasetSpec) -> int:
    paths = files_of(spec.events, "events")
    return sum(size_of(path) * (_COMPRESSION if is_compressed(path) else 1) for path in paths)
