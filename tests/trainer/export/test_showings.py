"""Features of one showing of an item are told from features of the item."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from preprocessing.spec import DatasetSpec
from trainer.catalog import ItemCatalog
from trainer.export.showings import event_fields, showing_features


def test_what_mostly_differs_from_the_catalogue_is_of_a_showing() -> None:
    catalog = ItemCatalog(
        {
            "category": np.array([0, 3, 4]),
            "position": np.array([0, 1, 1]),
            "tags": np.array([[0, 0], [1, 2], [1, 0]]),
        },
        np.array([0, 5, 5]),
    )
    batch = {
        "candidate_item_id": tf.constant(
            [[1, 2, 1, 0], [2, 2, 1, 2]], tf.int64
        ),  # 0 is unknown, or padding
        "candidate_category": tf.constant([[3, 4, 3, 9], [4, 4, 3, 0]], tf.int64),
        "candidate_position": tf.constant([[1, 2, 3, 4], [1, 2, 3, 4]], tf.int64),
        "candidate_tags": tf.constant(
            [[[1, 2], [1, 0], [1, 2], [7, 7]], [[1, 0], [1, 0], [1, 2], [0, 0]]], tf.int64
        ),
    }
    fields = ["category", "position", "tags"]
    assert showing_features(fields, catalog, [batch]) == ("candidate_position",)
    assert showing_features(fields, catalog, []) == ()


def test_features_of_the_item_table_are_none() -> None:
    spec = DatasetSpec.model_validate(
        {
            "name": "shop",
            "events": {"format": "csv", "path": "log.csv"},
            "items": {"format": "csv", "path": "items.csv", "key": "item_id"},
            "features": {
                "item": {
                    "brand": {"kind": "categorical"},
                    "position": {"kind": "categorical", "table": "events"},
                }
            },
            "tasks": {"click": {"column": "clicked", "equals": 1}},
        }
    )
    assert event_fields(spec) == ["position"]
