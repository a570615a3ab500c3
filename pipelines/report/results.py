"""What a report says, apart from how it was gathered and how it looks."""

from __future__ import annotations

import dataclasses
from typing import Any


@dataclasses.dataclass(frozen=True)
class RunResults:
    """Everything the page shows.

    Attributes:
        metrics: The content of metrics.json.
        data: The data report of preprocessing.
        checks: What DataChecks compared and found.
        pretrain_curves: Log name -> a value an epoch.
        finetune_curves: {"with_encoder", "without_encoder"} -> log name -> a value an evaluation.
        calibration: {"with_encoder", "without_encoder"} -> task -> [(mean prediction, mean label, candidates)].
    """

    metrics: dict[str, Any]
    data: dict[str, Any]
    checks: dict[str, Any]
    pretrain_curves: dict[str, list[float]]
    finetune_curves: dict[str, dict[str, list[float]]]
    calibration: dict[str, dict[str, list[tuple[float, float, float]]]]
