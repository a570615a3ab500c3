"""Checks of a data report, before anything is trained: does a run on these records make sense?"""

from __future__ import annotations

import logging
from typing import Any

from preprocessing.condition_text import held, wanted
from preprocessing.conflicts import conflict_findings
from preprocessing.errors import DataError
from preprocessing.idle_features import idle_findings
from preprocessing.joins import join_findings
from preprocessing.leaks import leak_findings
from preprocessing.odd_ids import id_findings
from preprocessing.quarantine import read_report
from preprocessing.sources.zone_counts import zone_findings
from preprocessing.spec import DatasetSpec
from preprocessing.splits import REQUEST_SPLITS, WINDOW_SPLITS

_MISSING_NEGATIVES = 0.1
_OFTEN = 0.5
_FEW_BEHAVIORS = 0.01  # of all events


def check_report(spec: DatasetSpec, quarantine_dir: str) -> None:
    """Checks, after a run, that its records can be trained on; logs what is only odd.

    Raises:
        DataError: they can't; the message says all that is wrong.
    """
    report = read_report(quarantine_dir)
    problems, warnings = report_findings(spec, report)
    for warning in [*report["warnings"], *warnings, *pretraining_problems(spec, report)]:
        logging.warning(warning)
    if problems:
        raise DataError(" ".join(problems))


def report_findings(spec: DatasetSpec, report: dict[str, Any]) -> tuple[list[str], list[str]]:
    """Problems, which keep a run from making sense, and warnings."""
    problems, warnings = join_findings(report["joins"], report["missing_examples"])
    warnings += conflict_findings(report["conflicting_keys"], report["conflict_examples"])
    warnings += zone_findings(spec, report["zones"])
    warnings += leak_findings(report["feature_auc"])
    of_history, odd_history = _history_findings(spec, report)
    problems += of_history
    warnings += odd_history
    for name, share in report["item_changes"].items():
        if share is not None and share > _OFTEN:
            warnings.append(
                f"feature {name} differs from one event of an item to the next ({share:.1%}): send "
                f"it with each candidate. An item that is scored by its id alone gets the "
                f"catalogue's value, which is of another showing."
            )
    for column, counts in report["odd_ids"].items():
        warnings += id_findings(getattr(spec.events, column), counts)
    of_splits, odd_splits = _split_findings(spec, report)
    idle, odd_features = idle_findings(spec, report)
    return problems + of_splits + idle, warnings + odd_splits + odd_features


def pretraining_problems(spec: DatasetSpec, report: dict[str, Any]) -> list[str]:
    """What keeps a whole run, which pre-trains, from succeeding."""
    learnt, held_out = [_records(report, split) for split in WINDOW_SPLITS]
    if not learnt or held_out:  # the former is a problem of any training
        return []
    why = f" {_entering(report)}." if spec.history.where else ""
    return [
        "none of the users held out, one in twenty, has two behaviours before the training "
        "cut-off: pre-training can't be judged, and a run would refuse it. The log has "
        f"{report['users']:,} {'user' if report['users'] == 1 else 'users'}.{why}"
    ]


def _split_findings(spec: DatasetSpec, report: dict[str, Any]) -> tuple[list[str], list[str]]:
    """Problems and warnings of the requests and labels of each split."""
    problems: list[str] = []
    warnings: list[str] = []
    silent = [task for task in spec.tasks if not _has_positives(report, task)]
    problems += [_never(task, spec, report) for task in silent]
    for split in REQUEST_SPLITS:
        counts = report["splits"].get(split, {})
        if not counts.get("requests"):
            problems.append(
                f"split {split} has no request with a candidate: no event in it fulfils "
                f"candidates.where, or its time is too short. The log runs from "
                f"{report['first_event']} to {report['last_event']}."
            )
            continue
        for task in spec.tasks:
            if task not in silent:
                problems += _one_kind(split, task, counts)
        warnings += _few_negatives(spec, split, counts)
    return problems, warnings


def _history_findings(spec: DatasetSpec, report: dict[str, Any]) -> tuple[list[str], list[str]]:
    """Problems and warnings of what enters histories."""
    entering = report["history_events"]["entering"]
    events = report["history_events"]["all"]
    share = entering / events if events else 0.0
    held = _entering(report)
    why = f" {held}." if spec.history.where else ""
    learnt, held_out = [_records(report, split) for split in WINDOW_SPLITS]
    if not learnt:
        problem = (
            f"no user has two behaviours before the training cut-off: nothing can be "
            f"pre-trained.{why}"
        )
        return [problem], []
    if not held_out:
        return [], []  # rankers may be trained without an encoder: see pretraining_problems
    if spec.history.where and share < _FEW_BEHAVIORS:
        return [], [f"{held}: few requests have a history."]
    return [], []


def _entering(report: dict[str, Any]) -> str:
    """How many events `history.where` lets in."""
    entering = report["history_events"]["entering"]
    events = report["history_events"]["all"]
    share = entering / events if events else 0.0
    return f"history.where holds for {entering:,} of {events:,} events ({share:.2%})"


def _records(report: dict[str, Any], split: str) -> int:
    return report["splits"].get(split, {}).get("records", 0)


def _has_positives(report: dict[str, Any], task: str) -> bool:
    """Whether any split has a candidate for which the task holds."""
    for split in REQUEST_SPLITS:
        if report["splits"].get(split, {}).get("positives", {}).get(task, 0):
            return True
    return False


def _one_kind(split: str, task: str, counts: dict[str, Any]) -> list[str]:
    """The problem of a split whose labels are all alike, if they are.

    Nothing can be learnt from it, and no AUC is defined on it.
    """
    positives = counts["positives"].get(task, 0)
    candidates = counts["candidates"]
    if not positives:
        return [
            f"split {split} has no positive of task {task} among its {candidates:,} candidates."
        ]
    if positives == candidates:
        return [
            f"split {split} has no negative of task {task}: it holds for all of its "
            f"{candidates:,} candidates."
        ]
    return []


def _never(task: str, spec: DatasetSpec, report: dict[str, Any]) -> str:
    label = spec.tasks[task]
    values = report["label_values"].get(task, {})
    found = "Events fulfil it, but none that makes a candidate positive."
    if values:
        found = f"The column holds {held(values)}."
    return (
        f"task {task} never holds: no candidate of any split has {label.column} {wanted(label)}. "
        f"{found}"
    )


def _few_negatives(spec: DatasetSpec, split: str, counts: dict[str, Any]) -> list[str]:
    missing = counts["missing_negatives"]
    wanted = counts["sampled"] + missing
    if spec.negatives is None or missing <= _MISSING_NEGATIVES * wanted:
        return []
    return [
        f"split {split} lacks {missing:,} of its {wanted:,} sampled negatives: too few items were "
        f"active in the window before its requests. Make negatives.window longer, or "
        f"negatives.per_request smaller."
    ]
