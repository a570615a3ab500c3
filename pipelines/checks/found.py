"""What DataChecks compared and found, as findings.json has it."""

from __future__ import annotations

from pipelines.checks.finding import Finding
from pipelines.content import Content


class Compared(Content):
    """What there was to compare with."""

    drift: bool
    skew: bool


class Checks(Content):
    """What DataChecks compared and found."""

    compared: Compared
    findings: list[Finding]
