"""What the whole log tells a shard of users of the spec's statistics."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping

import pyarrow as pa

from preprocessing.spec import DatasetSpec
from preprocessing.statistics.exchange import Answers
from preprocessing.tables import from_bytes


@dataclasses.dataclass(frozen=True)
class Told:
    """What a shard can't count by itself.

    Attributes:
        overall: Of each statistic, what happened to all keys together, see `exchange.in_all`.
        answers: Of each statistic that isn't a user's own, the answers to what the shard asked.
    """

    overall: Mapping[str, pa.Table] = dataclasses.field(default_factory=dict)
    answers: Mapping[str, Answers] = dataclasses.field(default_factory=dict)


def told_of(
    spec: DatasetSpec, overall: Mapping[str, bytes], answers: Iterable[tuple[str, bytes]] = ()
) -> Told:
    """From tables as bytes."""
    tables = {
        name: table for name, rows in overall.items() if (table := from_bytes([rows])) is not None
    }
    parts: dict[str, list[bytes]] = {}
    for name, rows in answers:
        parts.setdefault(name, []).append(rows)
    answered = {
        name: table for name, rows in parts.items() if (table := from_bytes(rows)) is not None
    }
    windows = {name: len(statistic.windows) for name, statistic in spec.features.statistics.items()}
    return Told(tables, {name: Answers(table, windows[name]) for name, table in answered.items()})
