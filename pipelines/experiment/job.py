"""What a worker is asked to train: the content of a cell's job.json."""

from __future__ import annotations

from typing import Literal

from pipelines.content import Content
from pipelines.tuning import Overrides

StageName = Literal["pretrain", "rank", "counts"]


class Job(Content):
    """One training.

    Attributes:
        stage: `pretrain` makes an encoder, `rank` a ranker, `counts` trees.
        raw: The folder of the records.
        transformed: The folder of the transformed ones.
        graph: Transform's output.
        spec: The dataset spec as JSON.
        trainer: The trainer's configuration; of trees its seed alone counts.
        encoder: The pre-training that the ranker starts from.
        folder: Where the result goes.
    """

    stage: StageName
    raw: str
    transformed: str
    graph: str
    spec: str
    trainer: Overrides
    encoder: str | None
    folder: str
