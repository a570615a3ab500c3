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
_ABSENT = object()


def settings_section(pair: Pair) -> Section:
    """The section on configuration, code and stack."""
    config_a, config_b = pair.both(_config)
    settings = _different(dict(dotted(config_a)), dict(dotted(config_b)))
    made_by = _different(*pair.both(_made_by))
    header = ["Key", *NAMES]
    tables = []
    if settings:
        tables.append(Table("Settings that differ", header, settings, text_columns=3))
    if made_by:
        tables.append(Table("Code and packages that differ", header, made_by, text_columns=3))
    return Section(
        anchor="settings",
        title="What was set differently",
        finding=_finding(settings, made_by),
        tables=tables,
    )


def _config(results: RunResults) -> dict[str, Any]:
    config = dict(results.metrics.config)
    for key in _PLACES:
        config.pop(key, None)
    return config


def _made_by(results: RunResults) -> dict[str, Any]:
    return {"git revision": results.metrics.git_revision, **results.metrics.stack}


def _different(a: Mapping[str, Any], b: Mapping[str, Any]) -> list[list[str]]:
    """Rows of a key and both values, where these differ."""
    rows = []
    for key in dict.fromkeys([*a, *b]):  # each once, in order
        ours = a.get(key, _ABSENT)
        theirs = b.get(key, _ABSENT)
        if ours != theirs:
            rows.append([key, _shown(ours), _shown(theirs)])
    return rows


def _shown(value: Any) -> str:
    if value is _ABSENT:
        return MISSING
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _finding(settings: list[list[str]], made_by: list[list[str]]) -> str:
    same_code = "the same code and packages" if not made_by else "different code or packages"
    if not settings:
        return f"The runs have the same settings, and were made by {same_code}."
    what = (
        "One setting differs" if len(settings) == 1 else f"{count(len(settings))} settings differ"
    )
    return f"{what}; the runs were made by {same_code}."
