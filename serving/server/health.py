"""Readiness: SERVING only when every configured model has a version loaded and warmed up."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from serving.server.event_loop import EventLoop

# The whole server, and the names under which TensorFlow Serving reports (it reports them always as
# serving).
_SERVICES = ("", "ModelService", "PredictionService")
_Answer = health_pb2.HealthCheckResponse


class Health:
    """Whether the server can answer, for gRPC and REST.

    Args:
        loop: Where those who watch are told.
        unavailable: The configured models that can't answer yet.

    Attributes:
        service: The grpc.health.v1 service.
    """

    def __init__(self, loop: EventLoop, unavailable: Callable[[], list[str]]) -> None:
        self._loop = loop
        self._unavailable = unavailable
        self._draining = True
        self.service = HealthService(self.problem)

    def start(self) -> None:
        """From now on the models decide."""
        self._draining = False
        self.update()

    def drain(self) -> None:
        """From now on not serving, so that load balancers send requests elsewhere."""
        self._draining = True
        self._loop.post(self.service.end)

    def problem(self) -> str:
        """Why the server isn't ready, or ""."""
        if self._draining:
            return "The server is starting or draining."
        missing = self._unavailable()
        return f"No version is available of: {', '.join(missing)}." if missing else ""

    def update(self) -> None:
        """Tells those who watch; call it after each change."""
        self._loop.post(self.service.update)


class HealthService(health_pb2_grpc.HealthServicer):
    """grpc.health.v1, answered on the event loop itself: no thread has to be free for it.

    Args:
        problem: Why the server isn't ready, or "".
    """

    def __init__(self, problem: Callable[[], str]) -> None:
        self._problem = problem
        self._ended = False
        self._watchers: set[asyncio.Event] = set()

    def update(self) -> None:
        """Wakes those who watch; on the event loop only."""
        for watcher in self._watchers:
            watcher.set()

    def end(self) -> None:
        """Tells those who watch the last status, and lets them go; on the event loop only."""
        self._ended = True
        self.update()

    async def Check(  # noqa: N802 - the service's own name
        self, request: health_pb2.HealthCheckRequest, context: grpc.aio.ServicerContext
    ) -> health_pb2.HealthCheckResponse:
        if request.service not in _SERVICES:
            await context.abort(
                grpc.StatusCode.NOT_FOUND, f"Unknown service: {request.service[:100]}"
            )
        return _Answer(status=self._status(request.service))

    async def Watch(  # noqa: N802 - the service's own name
        self, request: health_pb2.HealthCheckRequest, context: grpc.aio.ServicerContext
    ) -> AsyncIterator[health_pb2.HealthCheckResponse]:
        changed = asyncio.Event()
        last = None
        self._watchers.add(changed)
        try:
            while True:
                changed.clear()
                # Read before the status, so that a drain is told, too, which begins while an
                # answer is on its way.
                ended = self._ended
                status = self._status(request.service)
                if status != last:
                    yield _Answer(status=status)
                last = status
                if ended:
                    return
                await changed.wait()
        finally:
            self._watchers.discard(changed)

    def _status(self, service: str) -> int:
        if service not in _SERVICES:
            return _Answer.SERVICE_UNKNOWN
        return _Answer.NOT_SERVING if self._problem() else _Answer.SERVING
