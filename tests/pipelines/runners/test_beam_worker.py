"""The PROCESS environment's command asks the engine's provision service for the rest; the service
is a fake one."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import pytest
from apache_beam.portability.api import beam_provision_api_pb2, beam_provision_api_pb2_grpc

ROOT = Path(__file__).parents[3]
# What Beam's worker sees when it would start.
PROGRAM = """
import json, os, sys, types
from pipelines.runners import beam_worker
before = set(os.environ)
def main(arguments):
    from apache_beam.runners.worker.worker_id_interceptor import WorkerIdInterceptor
    seen = {name: value for name, value in os.environ.items() if name not in before}
    print(json.dumps(seen | {"logs as": WorkerIdInterceptor()._worker_id}))
sys.modules["apache_beam.runners.worker.sdk_worker_main"] = types.SimpleNamespace(main=main)
beam_worker.main()
"""


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


@pytest.mark.slow
def test_the_worker_is_started_with_what_the_engine_provides(endpoint: str) -> None:
    flags = ["--id='worker_1'", f"--provision_endpoint={endpoint}", "--logging_endpoint=engine:2"]
    command = [sys.executable, "-W", "ignore", "-c", PROGRAM, *flags]
    started = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert started.returncode == 0, started.stderr
    seen = json.loads(started.stdout)
    assert json.loads(seen.pop("PIPELINE_OPTIONS")) == {"beam:option:parallelism:v1": 2}
    assert {name: value for name, value in seen.items() if not name.startswith("GRPC")} == {
        "WORKER_ID": "worker_1",
        "logs as": "worker_1",
        "CONTROL_API_SERVICE_DESCRIPTOR": 'url: "engine:1"\n',
        "LOGGING_API_SERVICE_DESCRIPTOR": 'url: "engine:2"\n',
        "RUNNER_CAPABILITIES": "beam:protocol:monitoring_info_short_ids:v1",
    }
