"""What a data report says that keeps a run from making sense, before anything is trained."""

from __future__ import annotations

import logging
from typing import Any

from preprocessing.errors import DataError
from preprocessing.joins import join_findings
from preprocessing.leaks import leak_findings
from preprocessing.odd_ids import id_findings
from preprocessing.quarantine import read_report
from preprocessing.spec import DatasetSpec
from preprocessing.spec_records import Condition
from preprocessing.splits import REQUEST_SPLITS, WINDOW_SPLITS

_SHOWN_VALUES = 10
_MISSING_NEGATIVES = 0.1
_OFTEN = 0.5
_FEW_BEHAVIORS = 0.01  # of all events


def check_report(spec: DatasetSpec, quarantine_dir: str) -> None:
    """Checks, after a run, that its records can be trained on and judged by; logs what is merely odd.

    Raises:
        DataError: they can't; the message says all that is wrong.
    """
    report = read_report(quarantine_dir)
    problems, warnings = report_findings(spec, report)
    for warning in warnings:
        logging.warning(warning)
    if problems:
        raise DataError(" ".join(problems))


def report_findings(spec: DatasetSpec, report: dict[str, Any]) -> tuple[list[str], list[str]]:
    """Problems, which keep a run from making sense, and warnings."""
    problems, warnings = join_findings(report["joins"])
    warnings += leak_findings(report["feature_auc"])
    for found, more in zip((problems, warnings), _history_findings(spec, report), strict=True):
        found += more
    warnings += [
        f"feature {name} differs from one event of an item to the next ({share:.1%}): send it with each candidate. An "
        f"item that is scored by its id alone gets the catalogue's value, which is of another showing."
        for name, share in report["item_changes"].items()
        if share is not None and share > _OFTEN
    ]
    for column, counts in report["odd_ids"].items():
        warnings += id_findings(getattr(spec.events, column), counts)
    silent = [
        task
        for task in spec.tasks
        if not any(_positives(report, split, task) for split in REQUEST_SPLITS)
    ]
    problems += [_never(task, spec, report) for task in silent]
    for split in REQUEST_SPLITS:
        counts = report["splits"].get(split, {})
        if not counts.get("requests"):
            problems.append(
                f"split {split} has no request with a candidate: no event in it fulfils candidates.where, or its time "
                f"is too short. The log runs from {report['first_event']} to {report['last_event']}."
            )
            continue
        one_kind = [_one_kind(split, task, counts) for task in spec.tasks if task not in silent]
        problems += [problem for problem in one_kind if problem]
        warnings += _few_negatives(spec, split, counts)
    return problems, warnings


def _history_findings(spec: DatasetSpec, report: dict[str, Any]) -> tuple[list[str], list[str]]:
    """Problems and warnings of what enters histories."""
    events = report["history_events"]
    share = events["entering"] / events["all"] if events["all"] else 0.0
    held = (
        f"history.where holds for {events['entering']:,} of {events['all']:,} events ({share:.2%})"
    )
    why = f" {held}." if spec.history.where else ""
    learnt, held_out = (
        report["splits"].get(split, {}).get("records", 0) for split in WINDOW_SPLITS
    )
    if not learnt:
        return [
            f"no user has two behaviours before the training cut-off: nothing can be pre-trained.{why}"
        ], []
    if not held_out:
        message = "none of the users held out, one in twenty, has two behaviours before the training cut-off"
        return [], [f"{message}: pre-training can't be judged and will be refused.{why}"]
    return [], [
        f"{held}: few requests have a history."
    ] if spec.history.where and share < _FEW_BEHAVIORS else []


def _positives(report: dict[str, Any], split: str, task: str) -> int:
    return report["splits"].get(split, {}).get("positives", {}).get(task, 0)


def _one_kind(split: str, task: str, counts: dict[str, Any]) -> str:
    """A split whose labels are all alike can't be learnt from, and no AUC is defined on it."""
    positives, candidates = counts["positives"].get(task, 0), counts["candidates"]
    if not positives:
        return f"split {split} has no positive of task {task} among its {candidates:,} candidates."
    if positives == candidates:
        return f"split {split} has no negative of task {task}: it holds for all of its {candidates:,} candidates."
    return ""


def _never(task: str, spec: DatasetSpec, report: dict[str, Any]) -> str:
    label = spec.tasks[task]
    values = report["label_values"].get(task, {})
    frequent = sorted(values.items(), key=lambda item: (-item[1], item[0]))[:_SHOWN_VALUES]
    held = ", ".join(f"{value!r} ({count:,} times)" for value, count in frequent)
    found = (
        f"The column holds {held}."
        if held
        else "Events fulfil it, but none that makes a candidate positive."
    )
    return f"task {task} never holds: no candidate of any split has {label.column} {_wanted(label)}. {found}"


def _wanted(label: Condition) -> str:
    if label.at_least is not None:
        return f"at least {label.at_least:g}"
    if label.at_most is not None:
        return f"at most {label.at_most:g}"
    if label.equals_column is not None:
        return f"equal to column {label.equals_column}"
    return (
        f"among {list(label.one_of)}" if label.one_of is not None else f"equal to {label.equals!r}"
    )


def _few_negatives(spec: DatasetSpec, split: str, counts: dict[str, Any]) -> list[str]:
    wanted = counts["sampled"] + counts["missing_negatives"]
    if spec.negatives is None or counts["missing_negatives"] <= _MISSING_NEGATIVES * wanted:
        return []
    return [
        f"split {split} lacks {counts['missing_negatives']:,} of its {wanted:,} sampled negatives: too few items were "
        f"active in the window before its requests. Make negatives.window longer, or negatives.per_request smaller."
    ]
