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


def read_titles(spec: DatasetSpec) -> dict[str, str]:
    """Item id -> title; empty if the spec names no title column.

    Raises:
        DataError: the item table or one of the two columns is missing.
    """
    if spec.items is None or spec.items.title is None:
        return {}
    return {key: title for batch in _batches(spec.items, spec.items.title) for key, title in batch}


def _batches(items: Entities, title: str) -> Iterator[Iterator[tuple[str, str]]]:
    columns = (
        Column(KEY, items.key, "id", "items.key"),
        Column("title", title, "text", "items.title"),
    )
    for path in files_of(items, "items"):
        for part in reader_of(items).read_batches(Section(path), items, "items", columns, None):
            if isinstance(part, RawBatch):
                keys, titles = (
                    text_of(part.columns[name], name)[0].to_pylist() for name in (KEY, "title")
                )
                yield zip(keys, titles, strict=True)
