"""Whether the data looks as it should.

Shown is what broke the schema, what drifted, and what differs between training and serving.
"""

from __future__ import annotations

from collections.abc import Sequence

from pipelines.checks.finding import Finding
from pipelines.checks.found import Compared
from pipelines.report.blocks import Section, Table
from pipelines.report.results import RunResults
from pipelines.text import count, decimal
from preprocessing.hints import listed

_CHECKS = {"schema": "Schema", "drift": "Drift", "skew": "Skew"}
# The gravest first.
_POLICIES = {"fail": "the run ends", "block": "nothing is pushed", "warn": "a warning"}
_NOT_COMPARED = {
    "drift": "There is no previous run to find drift against",
    "skew": "no serving log is configured to find skew against (checks.serving_log)",
}


def checks_section(results: RunResults) -> Section:
    """The section on anomalies."""
    findings = results.checks.findings
    return Section(
        anchor="checks",
        title="Anomalies in the data",
        finding=f"{_finding(findings)} {_compared(results.checks.compared)}",
        tables=[_table(findings)] if findings else [],
    )


def _order(finding: Finding) -> tuple[int, float]:
    return list(_POLICIES).index(finding.policy), -(finding.distance or 2)


def _finding(findings: Sequence[Finding]) -> str:
    if not findings:
        return "Nothing unusual was found: every record keeps to the schema."
    numbers = []
    for check in _CHECKS:
        of_check = sum(finding.check == check for finding in findings)
        if of_check:
            numbers.append(f"{count(of_check)} of {check}")
    blocking = sum(finding.policy != "warn" for finding in findings)
    push = "None of them blocks the model."
    if blocking:
        push = f"{count(blocking)} of them kept the model from being pushed."
    return f"Anomalies were found: {listed(numbers)}. {push}"


def _compared(compared: Compared) -> str:
    """What could not be compared, so that silence is not taken for agreement."""
    missing: list[str] = []
    for check, reason in _NOT_COMPARED.items():
        if not getattr(compared, check):
            missing.append(reason)
    if not missing:
        return (
            "The training records were compared with the previous run's, and with logged serving "
            "requests."
        )
    text = "; ".join(missing)
    return f"{text[0].upper()}{text[1:]}."


def _table(findings: Sequence[Finding]) -> Table:
    rows = []
    for finding in sorted(findings, key=_order):
        row = [
            _CHECKS[finding.check],
            finding.message,
            finding.look_at,
            _POLICIES[finding.policy],
            decimal(finding.distance, 3),
            decimal(finding.allowed, 3),
        ]
        rows.append(row)
    header = ["Check", "What was found", "Look at", "What follows", "Distance", "Allowed"]
    caption = "Anomalies, the gravest first; distances go from 0 (the same) to 1"
    return Table(caption, header, rows, text_columns=4)
