"""DeepCTR's DIN or BST, trained from memory.

    python -m benchmarks.training.deepctr_side ROWS.npz MODEL ITEMS

Batches are cut before the clock starts, and no regulariser touches whole tables: its data path
costs it nothing.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import tensorflow as tf
from deepctr.feature_column import SparseFeat, VarLenSparseFeat
from deepctr.models.sequence.bst import BST
from deepctr.models.sequence.din import DIN

from benchmarks.training.rounds import answer
from benchmarks.training.sizes import (
    ATTENTION,
    BATCH,
    CLIP_NORM,
    EMBEDDING,
    HEADS,
    HIDDEN,
    LEARNING_RATE,
)

ITEM = ("item_id", "category", "brand")


def build(name: str, sizes: dict[str, int], length: int) -> Any:
    """The compiled model."""
    columns = [SparseFeat(feature, size, EMBEDDING) for feature, size in sizes.items()]
    for feature in ITEM:
        column = SparseFeat(f"hist_{feature}", sizes[feature], EMBEDDING, embedding_name=feature)
        columns.append(VarLenSparseFeat(column, length, length_name="seq_length"))
    common = {"dnn_hidden_units": HIDDEN, "l2_reg_embedding": 0.0}
    if name == "din":
        model = DIN(columns, ITEM, att_hidden_size=ATTENTION, att_activation="sigmoid", **common)
    else:
        model = BST(columns, ITEM, transformer_num=1, att_head_num=HEADS, **common)
    optimizer = tf.keras.optimizers.Adam(LEARNING_RATE, global_clipnorm=CLIP_NORM)
    model.compile(optimizer, "binary_crossentropy")
    return model


def main(path: str, name: str, items: int) -> None:
    """A round is a pass over all rows."""
    rows = dict(np.load(path))
    clicked = rows.pop("clicked")
    sizes = {}
    for feature, values in rows.items():
        if not feature.startswith(("hist_", "seq_")):
            sizes[feature] = items if feature == "item_id" else 1 + int(values.max())
    model = build(name, sizes, rows["hist_item_id"].shape[1])
    steps = len(clicked) // BATCH
    cut = {}
    for feature, values in rows.items():
        cut[feature] = values.reshape(steps, BATCH, *values.shape[1:])
    batches = tf.data.Dataset.from_tensor_slices((cut, clicked.reshape(steps, BATCH)))
    step = model.make_train_function()
    feed = iter(batches.repeat().prefetch(tf.data.AUTOTUNE))

    def train() -> int:
        for _ in range(steps):
            logs = step(feed)
        logs["loss"].numpy()
        return steps * BATCH

    answer(train)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
