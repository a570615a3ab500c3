"""Candidate features of one showing of an item, such as its position on a page.

The catalogue can't know them, for they don't belong to the item.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import tensorflow as tf

from preprocessing.features import CANDIDATE_ITEM_ID
from preprocessing.spec import DatasetSpec
from trainer.catalog import ItemCatalog

_MOST_ALIKE = 0.5


def event_fields(spec: DatasetSpec) -> list[str]:
    """The item features that are read from the events.

    They alone may differ from one showing to the next.
    """
    item = spec.features.item
    return [name for name in item if spec.table_of("item", item[name]) == "events"]


def showing_features(
    fields: Iterable[str], catalog: ItemCatalog, batches: Iterable[Mapping[str, tf.Tensor]]
) -> tuple[str, ...]:
    """The candidate features that differ from one showing to the next.

    Their values in requests are mostly not what the catalogue has of their items.

    Args:
        fields: Item fields to compare.
        catalog: The catalogue.
        batches: Dense batches of requests.
    """
    compared = dict.fromkeys(fields, 0)
    unlike = dict.fromkeys(compared, 0)
    for batch in batches:
        items = batch[CANDIDATE_ITEM_ID]
        known = catalog.fill({CANDIDATE_ITEM_ID: items})
        for field in compared:
            sent = batch[f"candidate_{field}"].numpy()
            kept = known[f"candidate_{field}"].numpy()
            rows = (items.numpy() > 0) & (_largest(sent) > 0)
            compared[field] += int(rows.sum())
            unlike[field] += int((rows & (_largest(sent != kept) > 0)).sum())
    differ = [name for name, count in compared.items() if unlike[name] > _MOST_ALIKE * count]
    return tuple(f"candidate_{field}" for field in differ)


def _largest(values: np.ndarray) -> np.ndarray:
    """The largest of each candidate's values: [B, N], of [B, N] or [B, N, V]."""
    return values.max(axis=2) if values.ndim == 3 else values
