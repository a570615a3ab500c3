"""Renders a run's results as one self-contained HTML page."""

from __future__ import annotations

import dataclasses

from pipelines.report.html import page_of
from pipelines.report.results import RunResults
from pipelines.report.sections.calibration import calibration_section
from pipelines.report.sections.checks import checks_section
from pipelines.report.sections.data import data_section
from pipelines.report.sections.finetuning import finetuning_section
from pipelines.report.sections.headline import headline
from pipelines.report.sections.pretraining import pretraining_section
from pipelines.report.sections.provenance import provenance_section
from pipelines.report.sections.slices import slices_section
from pipelines.report.sections.timing import timing_section
from pipelines.text import finite

_SECTIONS = (
    headline,
    data_section,
    checks_section,
    pretraining_section,
    finetuning_section,
    slices_section,
    calibration_section,
    timing_section,
    provenance_section,
)


def render(results: RunResults) -> str:
    """The report: headline, data, its checks, pre-training, fine-tuning, slices, calibration, time, provenance.

    Args:
        results: What `collect` gathered; NaN and None are shown as a dash.
    """
    known = dataclasses.replace(
        results, **{f.name: finite(getattr(results, f.name)) for f in dataclasses.fields(results)}
    )
    return page_of("SRP4CTR report", known.data["dataset"], [make(known) for make in _SECTIONS])
