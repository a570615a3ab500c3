"""What the whole log tells a shard of users about the spec's statistics."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping

import pyarrow as pa

from preprocessing.spec import DatasetSpec
from preprocessing.statistics.exchange import Answers
from preprocessing.tables import from_bytes


@dataclasses.dataclass(frozen=True)
class LogTotals:
    """What a shard can't count by itself.

    Attributes:
        overall: By statistic, what happened to all keys together; see `exchange.total_by_step`.
        answers: By statistic that isn't a user's own, the answers to what the shard asked.
    """

    overall: Mapping[str, pa.Table] = dataclasses.field(default_factory=dict)
    answers: Mapping[str, Answers] = dataclasses.field(default_factory=dict)


def decode_totals(
    spec: DatasetSpec, overall: Mapping[str, bytes], answers: Iterable[tuple[str, bytes]] = ()
) -> LogTotals:
    """Decodes what CountStatistics gave: tables as bytes."""
    overall_tables: dict[str, pa.Table] = {}
    for name, rows in overall.items():
        table = from_bytes([rows])
        if table is not None:
            overall_tables[name] = table
    parts: dict[str, list[bytes]] = {}
    for name, rows in answers:
        parts.setdefault(name, []).append(rows)
    answered: dict[str, Answers] = {}
    for name, contents in parts.items():
        table = from_bytes(contents)
        if table is not None:
            answered[name] = Answers(table, len(spec.features.statistics[name].windows))
    return LogTotals(overall_tables, answered)
