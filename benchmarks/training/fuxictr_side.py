"""FuxiCTR's DIN, trained from memory.

    python -m benchmarks.training.fuxictr_side ROWS.npz din ITEMS

Batches are what its LongCTR collator makes (histories padded at their start, to the longest of the
batch), but they are made before the clock starts: its data path costs it nothing.
"""

from __future__ import annotations

import os
import sys
from typing import Any

import numpy as np
import torch
from fuxictr.features import FeatureMap
from model_zoo.LongCTR.DIN import DIN

from benchmarks.training.rounds import answer
from benchmarks.training.sizes import ATTENTION, BATCH, CLIP_NORM, EMBEDDING, HIDDEN, LEARNING_RATE

ITEM = ("item_id", "category", "brand")
USER = ("gender", "device")


def build(rows: dict[str, np.ndarray], items: int) -> Any:
    """The model with its optimiser."""
    features = FeatureMap("made_up", "")
    features.default_emb_dim = EMBEDDING
    features.labels = ["clicked"]
    for name in (*USER, *ITEM):
        size = items if name == "item_id" else 1 + int(rows[name].max())
        source = "item" if name in ITEM else "user"
        features.features[name] = {
            "type": "categorical",
            "source": source,
            "padding_idx": 0,
            "vocab_size": size,
        }
    features.num_fields = features.get_num_fields()
    model = DIN(
        features,
        embedding_dim=EMBEDDING,
        dnn_hidden_units=list(HIDDEN),
        attention_hidden_units=list(ATTENTION),
        attention_hidden_activations="Sigmoid",
        learning_rate=LEARNING_RATE,
        optimizer="adam",
        loss="binary_cross_entropy",
        verbose=0,
        metrics=["AUC"],
        model_root="",
    )
    # What its `fit` sets.
    model._max_gradient_norm = CLIP_NORM
    model._batch_index = 0
    model.train()
    return model


def batch_of(rows: dict[str, np.ndarray], start: int) -> Any:
    """A batch of rows from `start` on.

    Returns:
        User features and the label; features of the items of histories and candidates; the mask of
        histories.
    """
    cut = {name: values[start : start + BATCH] for name, values in rows.items()}
    longest = int(cut["seq_length"].max())
    shift = (np.arange(longest)[None] - longest + cut["seq_length"][:, None]).clip(-1)
    # -1, before the history, is the place of the zero that is added below.
    place = np.where(shift < 0, rows["hist_item_id"].shape[1], shift)
    items = {}
    for name in ITEM:
        padded = np.pad(cut[f"hist_{name}"], [(0, 0), (0, 1)])
        history = np.take_along_axis(padded, place, 1)
        items[name] = torch.from_numpy(np.concatenate([history, cut[name][:, None]], 1).ravel())
    user = {name: torch.from_numpy(cut[name]) for name in (*USER, "clicked")}
    return user, items, torch.from_numpy(shift >= 0).float()


def main(path: str, items: int) -> None:
    """A round is a pass over all rows."""
    torch.set_num_threads(os.cpu_count() or 1)
    torch.manual_seed(0)
    rows = dict(np.load(path))
    model = build(rows, items)
    batches = [batch_of(rows, start) for start in range(0, len(rows["clicked"]), BATCH)]

    def train() -> int:
        for batch in batches:
            loss = model.train_step(batch)
        loss.item()
        return len(rows["clicked"])

    answer(train)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[3]))
