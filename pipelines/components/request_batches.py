"""What the Evaluator does to batches of requests before they are scored.

It cuts them into smaller ones of requests whose histories are about as long, so that little padding
is scored. Only the columns that are needed are kept.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from tensorflow_model_analysis import constants

from preprocessing.features import HISTORY_ITEM_ID
from serving.contract import EXAMPLES

REQUESTS = 256  # at most scored at once; memory grows with them


def like_requests(extracts: dict[str, Any], columns: Sequence[str]) -> Iterator[dict[str, Any]]:
    """A batch of requests as smaller ones of like histories, so that little padding is scored.

    Args:
        extracts: TFMA's, of a batch as Arrow has it.
        columns: What is kept of it. TFMA makes tensors of all that is there.
    """
    table = pa.Table.from_batches([extracts[constants.ARROW_RECORD_BATCH_KEY]])
    lengths = pc.fill_null(pc.list_value_length(table[HISTORY_ITEM_ID]), 0)
    order = np.argsort(lengths.to_numpy(), kind="stable")
    kept = table.select(list(columns))
    for start in range(0, len(order), REQUESTS):
        # Rows of their own, no slice of all: TFMA takes the values of a slice's lists for its own.
        smaller = kept.take(pa.array(order[start : start + REQUESTS])).combine_chunks()
        yield extracts | {constants.ARROW_RECORD_BATCH_KEY: smaller.to_batches()[0]}


def name_examples(extracts: dict[str, Any]) -> dict[str, Any]:
    """A batch with its serialised records among its features, under the signature's own name.

    TFMA hands a signature what it finds by name. What it doesn't find there it hands over without
    a name, for which TensorFlow first writes all of it into an error that nobody sees.
    """
    named = {EXAMPLES: extracts[constants.INPUT_KEY]}
    return extracts | {constants.FEATURES_KEY: extracts[constants.FEATURES_KEY] | named}
