"""Tests of what the health service tells those who watch it, without a socket between."""

from __future__ import annotations

import asyncio

from grpc_health.v1 import health_pb2

from serving.server.health import HealthService

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


def test_a_drain_while_an_answer_is_on_its_way_is_told_before_the_end() -> None:
    problems = [""]

    async def watch() -> list[int]:
        service = HealthService(lambda: problems[-1])
        told = []
        async for answer in service.Watch(health_pb2.HealthCheckRequest(), None):
            told.append(answer.status)
            if len(told) == 1:
                problems.append("draining")
                service.end()
        return told

    assert asyncio.run(watch()) == [SERVING, NOT_SERVING]
