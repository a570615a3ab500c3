"""How the run was made, so that it can be made again."""

from __future__ import annotations

import yaml

from pipelines.report.blocks import Section, Table
from pipelines.report.results import RunResults
from pipelines.revision import short_revision
from pipelines.text import MISSING


def provenance_section(results: RunResults) -> Section:
    """The section on configuration, code and stack."""
    metrics = results.metrics
    revision = metrics.git_revision
    origin = f"revision {short_revision(revision)}" if revision else "code of an unknown revision"
    run = {
        "Data set": metrics.config["dataset"]["name"],
        "Seed": str(metrics.seed),
        "Git revision": revision or MISSING,
        "Started from": metrics.started_from or "nothing",
        "Newest pushed model": metrics.serving_model or MISSING,
    }
    config = yaml.safe_dump(metrics.config, sort_keys=False, allow_unicode=True)
    return Section(
        anchor="made",
        title="How it was made",
        finding=f"Made with seed {metrics.seed} by {origin}.",
        tables=[
            Table("The run", ["What", "Value"], list(run.items()), text_columns=2),
            Table("The stack", ["Package", "Version"], list(metrics.stack.items()), text_columns=2),
        ],
        listing=("Configuration", config),
    )
