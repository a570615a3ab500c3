"""The private APIs that reading files needs are where they were, and do what they did."""

from __future__ import annotations

import pytest

from tests.compat import follows


def test_file_systems_have_options_without_a_job(monkeypatch: pytest.MonkeyPatch) -> None:
    with follows("preprocessing/compat/file_systems.py", "Beam's FileSystems"):
        from apache_beam.io.filesystems import FileSystems
        from apache_beam.options.pipeline_options import PipelineOptions

        from preprocessing.compat.file_systems import give_options

        monkeypatch.setattr(FileSystems, "_pipeline_options", None)
        pytest.importorskip("boto3")
        give_options()
        assert FileSystems.get_filesystem("s3://bucket")._options is not None
        of_a_job = PipelineOptions([])
        FileSystems.set_options(of_a_job)
        give_options()
        assert FileSystems._pipeline_options is of_a_job
