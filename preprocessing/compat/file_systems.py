"""Beam's file systems outside of a job."""

from __future__ import annotations

from apache_beam.io.filesystems import FileSystems
from apache_beam.options.pipeline_options import PipelineOptions


def give_options() -> None:
    """Gives Beam's file systems options where no job has: that of s3:// refuses to be without.

    A pipeline that is made later replaces them by its own; a worker has those of its job.
    """
    if FileSystems._pipeline_options is None:
        FileSystems.set_options(PipelineOptions([]))
