"""The PROCESS environment's command asks the engine's provision service for the rest; the service is a fake one."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import pytest
from apache_beam.portability.api import beam_provision_api_pb2, beam_provision_api_pb2_grpc
from apache_beam.runners.worker import sdk_worker_main

from pipelines.runners import beam_worker


class Provision(beam_provision_api_pb2_grpc.ProvisionServiceServicer):
    def GetProvisionInfo(self, request: Any, context: Any) -> Any:  # noqa: N802 (Beam's name)
        assert ("worker_id", "worker_1") in [tuple(pair) for pair in context.invocation_metadata()]
        response = beam_provision_api_pb2.GetProvisionInfoResponse()
        response.info.pipeline_options["beam:option:parallelism:v1"] = 2
        response.info.control_endpoint.url = "engine:1"
        response.info.logging_endpoint.url = "engine:2"
        response.info.runner_capabilities.append("beam:protocol:monitoring_info_short_ids:v1")
        return response


@pytest.fixture
def endpoint() -> Iterator[str]:
    server = grpc.server(ThreadPoolExecutor(1))
    beam_provision_api_pb2_grpc.add_ProvisionServiceServicer_to_server(Provision(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield f"127.0.0.1:{port}"
    server.stop(None)


@pytest.mark.parametrize("name", ["worker_1", "'worker_1'"], ids=["Flink", "Prism"])
def test_the_worker_is_started_with_what_the_engine_provides(
    endpoint: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: dict[str, str] = {}
    monkeypatch.setattr(os, "environ", {})
    monkeypatch.setattr(sdk_worker_main, "main", lambda arguments: started.update(os.environ))
    flags = [f"--id={name}", f"--provision_endpoint={endpoint}", "--logging_endpoint=engine:2"]
    monkeypatch.setattr(sys, "argv", ["srp4ctr-beam-worker", *flags])
    beam_worker.main()
    assert started == {
        "WORKER_ID": "worker_1",
        "PIPELINE_OPTIONS": '{\n  "beam:option:parallelism:v1": 2.0\n}',
        "CONTROL_API_SERVICE_DESCRIPTOR": 'url: "engine:1"\n',
        "LOGGING_API_SERVICE_DESCRIPTOR": 'url: "engine:2"\n',
        "RUNNER_CAPABILITIES": "beam:protocol:monitoring_info_short_ids:v1",
    }
