"""The worker of Beam's Python SDK, and the channel that its provision service wants."""

from __future__ import annotations

import grpc


def provision_channel(endpoint: str, worker: str) -> grpc.Channel:
    """A channel to host:port that names the worker in each call."""
    from apache_beam.runners.worker.worker_id_interceptor import WorkerIdInterceptor

    return grpc.intercept_channel(grpc.insecure_channel(endpoint), WorkerIdInterceptor(worker))


def work() -> None:
    """Works until the engine is done with this worker; its settings are environment variables."""
    from apache_beam.runners.worker import sdk_worker_main

    sdk_worker_main.main([])
