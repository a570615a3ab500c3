"""`srp4ctr-beam-worker`: a Python worker in this environment, for Beam's PROCESS environment.

An engine gives its workers' names and the address of its provision service, which knows the rest.
Beam's own command of this kind, /opt/apache/beam/boot, is in its images only, and installs packages
first.
"""

from __future__ import annotations

import argparse
import os


def main() -> None:
    """Works until the engine is done with this worker."""
    parser = argparse.ArgumentParser(
        "srp4ctr-beam-worker", description="A worker for Beam's PROCESS environment."
    )
    parser.add_argument("--id", required=True, help="what the engine calls this worker")
    parser.add_argument(
        "--provision_endpoint", required=True, help="host:port of the engine's provision service"
    )
    # Engines give other endpoints, too, which the provision service knows.
    flags, _ = parser.parse_known_args()
    # Beam reads the name from here as soon as it is imported, so it is set first. Prism, Beam's
    # engine for one machine, puts quotes around it, as for a shell.
    os.environ["WORKER_ID"] = flags.id.strip("'")
    os.environ |= provided(flags.provision_endpoint)
    from pipelines.compat import beam_worker

    beam_worker.work()


def provided(endpoint: str) -> dict[str, str]:
    """The variables that Beam's worker takes its settings from.

    Args:
        endpoint: host:port of the provision service, which knows them.
    """
    from apache_beam.portability.api import beam_provision_api_pb2, beam_provision_api_pb2_grpc
    from google.protobuf import json_format, text_format

    from pipelines.compat.beam_worker import provision_channel

    with provision_channel(endpoint, os.environ["WORKER_ID"]) as channel:
        service = beam_provision_api_pb2_grpc.ProvisionServiceStub(channel)
        info = service.GetProvisionInfo(beam_provision_api_pb2.GetProvisionInfoRequest()).info
    return {
        "PIPELINE_OPTIONS": json_format.MessageToJson(info.pipeline_options),
        "CONTROL_API_SERVICE_DESCRIPTOR": text_format.MessageToString(info.control_endpoint),
        "LOGGING_API_SERVICE_DESCRIPTOR": text_format.MessageToString(info.logging_endpoint),
        "RUNNER_CAPABILITIES": " ".join(info.runner_capabilities),
    }


if __name__ == "__main__":
    main()
