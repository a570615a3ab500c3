"""Side inputs of the job as its functions use them, each decoded once per worker."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from preprocessing.activity import ItemPool, step_of
from preprocessing.entities import EntityTable
from preprocessing.popularity import TrainingEvents
from preprocessing.sources.columns import TableName
from preprocessing.spec import DatasetSpec
from preprocessing.splits import CutOffs
from preprocessing.tables import from_bytes

ContentT = TypeVar("ContentT")
DecodedT = TypeVar("DecodedT")


class SharedSides:
    """Keeps what a worker has decoded."""

    def __init__(self) -> None:
        self._decoded: dict[str, tuple[Any, Any]] = {}

    def once(
        self, name: str, content: ContentT, decode: Callable[[ContentT], DecodedT]
    ) -> DecodedT:
        """What `decode` makes of the content; it is called only where the content has changed."""
        if name not in self._decoded or self._decoded[name][0] != content:
            self._decoded[name] = (content, decode(content))
        return self._decoded[name][1]


def entities(spec: DatasetSpec, table: TableName, content: bytes | None) -> EntityTable | None:
    """A table that was broadcast."""
    return EntityTable.of_spec(spec, table, from_bytes([content]) if content else None)


def item_pool(spec: DatasetSpec, content: tuple[bytes | None, CutOffs]) -> ItemPool | None:
    """The items that negatives are drawn from, if the spec wants them and any was active."""
    active, cutoffs = content
    table = from_bytes([active]) if active else None
    if spec.negatives is None or table is None:
        return None
    return ItemPool(table, spec.negatives, step_of(spec.negatives.window, cutoffs))


def training_events(content: bytes | None) -> TrainingEvents | None:
    """How many events the items have before the validation cut-off."""
    table = from_bytes([content]) if content else None
    return None if table is None else TrainingEvents(table)
