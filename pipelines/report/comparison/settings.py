"""What was set differently, and what else made the runs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pipelines.report.blocks import Section, Table
from pipelines.report.comparison.pair import NAMES, Pair
from pipelines.report.results import RunResults
from pipelines.text import MISSING, count
from pipelines.tuning import dotted

_PLACES = ("data_dir", "runs_dir", "artifacts_dir")  # where a run is says nothing of what it does


def settings_section(pair: Pair) -> Section:
    """The section on configuration, code and stack."""
    settings = _different(*(dict(dotted(config)) for config in pair.both(_config)))
    made_by = _different(*pair.both(_made_by))
    tables = [
        Table(caption, ["Key", *NAMES], rows, text_columns=3)
        for caption, rows in (
            ("Settings that differ", settings),
            ("Code and packages that differ", made_by),
        )
        if rows
    ]
    return Section(
        anchor="settings",
        title="What was set differently",
        finding=_finding(settings, made_by),
        tables=tables,
    )


def _config(results: RunResults) -> dict[str, Any]:
    return {key: value for key, value in results.metrics.config.items() if key not in _PLACES}


def _made_by(results: RunResults) -> dict[str, Any]:
    return {"git revision": results.metrics.git_revision, **results.metrics.stack}


def _different(a: Mapping[str, Any], b: Mapping[str, Any]) -> list[list[str]]:
    keys = [*a, *(key for key in b if key not in a)]
    absent = object()
    pairs = {key: (a.get(key, absent), b.get(key, absent)) for key in keys}
    return [
        [key, *(_shown(x, x is absent) for x in pair)]
        for key, pair in pairs.items()
        if pair[0] != pair[1]
    ]


def _shown(value: Any, is_absent: bool) -> str:
    return (
        MISSING
        if is_absent
        else value
        if isinstance(value, str)
        else json.dumps(value, ensure_ascii=False)
    )


def _finding(settings: list[list[str]], made_by: list[list[str]]) -> str:
    same_code = "the same code and packages" if not made_by else "different code or packages"
    if not settings:
        return f"The runs have the same settings, and were made by {same_code}."
    what = (
        "One setting differs" if len(settings) == 1 else f"{count(len(settings))} settings differ"
    )
    return f"{what}; the runs were made by {same_code}."
