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


def test_beams_s3_has_a_client_of_boto3(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("boto3")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://localhost:9000")
    with follows("preprocessing/compat/file_systems.py", "Beam's s3://"):
        from preprocessing.compat.file_systems import _s3_client, s3_endpoint

        assert s3_endpoint() == "http://localhost:9000"
        assert callable(_s3_client().put_object) and callable(_s3_client().head_bucket)
