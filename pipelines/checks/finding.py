"""One thing about a run's data that is not as it should be."""

from __future__ import annotations

import dataclasses
from typing import Literal

from pipelines.checks.config import Policy

Check = Literal["schema", "drift", "skew"]


@dataclasses.dataclass(frozen=True)
class Finding:
    """One thing that is not as it should be.

    Attributes:
        check: What found it.
        policy: What follows from it.
        feature: The record feature, or "" for the records as a whole.
        message: What was found, for people.
        look_at: Where to look.
        distance: How far, 0 to 1; None for the schema.
        allowed: The largest distance that is fine; None for the schema.
    """

    check: Check
    policy: Policy
    feature: str
    message: str
    look_at: str
    distance: float | None = None
    allowed: float | None = None
