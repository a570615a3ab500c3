"""Readiness that means it: SERVING only when every configured model has a version that is loaded and warmed up."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from grpc_health.v1 import health, health_pb2, health_pb2_grpc

# The whole server, and the names under which TensorFlow Serving reports (it reports them always as serving).
_SERVICES = ("", "ModelService", "PredictionService")
_Status = health_pb2.HealthCheckResponse


class Health:
    """The grpc.health.v1 service, and the same for REST.

    Args:
        unavailable: The configured models that can't answer yet.
    """

    def __init__(self, unavailable: Callable[[], list[str]]) -> None:
        self._unavailable, self._draining = unavailable, True
        self._servicer = health.HealthServicer()
        self.update()

    def add_to(self, server: Any) -> None:
        """Registers the service with a gRPC server."""
        health_pb2_grpc.add_HealthServicer_to_server(self._servicer, server)

    def start(self) -> None:
        """From now on the models decide."""
        self._draining = False
        self.update()

    def drain(self) -> None:
        """From now on not serving, so that load balancers send requests elsewhere."""
        self._draining = True
        self.update()

    def problem(self) -> str:
        """Why the server isn't ready, or ""."""
        if self._draining:
            return "The server is starting or draining."
        missing = self._unavailable()
        return f"No version is available of: {', '.join(missing)}." if missing else ""

    def update(self) -> None:
        """Tells those who watch; call it after each change."""
        status = _Status.NOT_SERVING if self.problem() else _Status.SERVING
        for service in _SERVICES:
            self._servicer.set(service, status)
