"""Renders a run's results as one self-contained HTML page."""

from __future__ import annotations

from pipelines.report.html import page_of
from pipelines.report.results import RunResults
from pipelines.report.sections.calibration import calibration_section
from pipelines.report.sections.checks import checks_section
from pipelines.report.sections.data import data_section
from pipelines.report.sections.finetuning import finetuning_section
from pipelines.report.sections.headline import headline
from pipelines.report.sections.pretraining import pretraining_section
from pipelines.report.sections.provenance import provenance_section
from pipelines.report.sections.rivals import rivals_section
from pipelines.report.sections.slices import slices_section
from pipelines.report.sections.timing import timing_section

_SECTIONS = (
    headline,
    rivals_section,
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
    """The page of a run, with all of its sections.

    Args:
        results: What `collect` gathered; what is not known is shown as a dash.
    """
    return page_of("SRP4CTR report", results.data.dataset, [make(results) for make in _SECTIONS])
