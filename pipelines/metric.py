"""The class of the metrics in reports."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Literal

import numpy as np

Direction = Literal["higher is better", "lower is better", "1 is right"]
OfRows = Callable[[np.ndarray, np.ndarray, np.ndarray], float]


@dataclasses.dataclass(frozen=True)
class Metric:
    """One metric of a task on the test split.

    Attributes:
        title: Its name in sentences and headings.
        definition: What it is, in full.
        direction: Which values are good.
        of_rows: Computes it from labels, probabilities and user ids, each [candidates].
    """

    title: str
    definition: str
    direction: Direction
    of_rows: OfRows

    @property
    def heading(self) -> str:
        """AUC (higher is better)."""
        return f"{self.title} ({self.direction})"

    @property
    def sentence(self) -> str:
        """AUC: the chance that ..."""
        return f"{self.title}: {self.definition}"
