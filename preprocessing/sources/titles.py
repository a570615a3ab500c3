"""Reads the titles of an item table, for people; models never see them."""

from __future__ import annotations

from collections.abc import Iterator

from preprocessing.sources.columns import KEY, Column
from preprocessing.sources.files import files_of
from preprocessing.sources.formats import reader_of
from preprocessing.sources.raw import RawBatch
from preprocessing.sources.section import Section
from preprocessing.sources.values import text_of
from preprocessing.spec import DatasetSpec
from preprocessing.spec_tables import Entities

_TITLE = "title"


def read_titles(spec: DatasetSpec) -> dict[str, str]:
    """The titles of items by id; none if the spec names no title column.

    Raises:
        DataError: the item table or one of the two columns is missing.
    """
    if spec.items is None or spec.items.title is None:
        return {}
    titles: dict[str, str] = {}
    for batch in _batches(spec.items, spec.items.title):
        keys, _ = text_of(batch.columns[KEY], KEY)
        texts, _ = text_of(batch.columns[_TITLE], _TITLE)
        titles.update(zip(keys.to_pylist(), texts.to_pylist(), strict=True))
    return titles


def _batches(items: Entities, title: str) -> Iterator[RawBatch]:
    columns = (
        Column(KEY, items.key, "id", "items.key"),
        Column(_TITLE, title, "text", "items.title"),
    )
    for path in files_of(items, "items"):
        for part in reader_of(items).read_batches(Section(path), items, "items", columns, None):
            if isinstance(part, RawBatch):
                yield part
