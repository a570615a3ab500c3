"""Whether the servers answer that a job is going to ask, found out before it begins.

Beam's clients ask a dead one again and again, some for minutes, and say little at the end.
"""

from __future__ import annotations

import functools
import os
import re
import socket
import urllib.request
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

_TIMEOUT_SECONDS = 5.0
_PORTS = {"http": 80, "https": 443}
# host:port, also as http://host:port or spark://host:port, and with an IPv6 address in brackets.
_HOST_PORT = re.compile(r"(?:[a-z]+://)?(\[[^\]]+\]|[^][:/,]+):([0-9]+)/?")
# Beam's options that name a server which this machine asks, by runner.
_JOB_SERVERS = {
    "PortableRunner": ("job_endpoint",),
    "PrismRunner": ("job_endpoint",),
    "FlinkRunner": ("job_endpoint", "flink_master"),
    "SparkRunner": ("job_endpoint", "spark_master_url"),
}
_EMULATED_GS = "STORAGE_EMULATOR_HOST"


class EndpointError(OSError):
    """A server can't be reached. The message names its address and what gave it."""


def check_job_server(options: Mapping[str, Any]) -> None:
    """Checks that a Beam runner's job server can be reached.

    Args:
        options: Beam's, by name, as PipelineOptions.get_all_options gives them.

    Raises:
        EndpointError: it can't.
    """
    runner = str(options.get("runner") or "").rpartition(".")[2]
    for name in _JOB_SERVERS.get(runner, ()):
        found = _HOST_PORT.fullmatch(str(options.get(name) or ""))
        if found is not None:
            _check(found[1].strip("[]"), int(found[2]), f"Beam's --{name}")
            return  # a job server reaches the engine from where it is


def check_store(path: str) -> None:
    """Checks that the store of a URL can be reached, where it is known where that is.

    Once it has answered, it isn't asked again by this process.

    Raises:
        EndpointError: it can't.
    """
    scheme = path.partition("://")[0]
    if scheme == "gs" and os.environ.get(_EMULATED_GS):
        _check_url(os.environ[_EMULATED_GS], _EMULATED_GS)
    elif scheme == "s3":
        _check_url(_s3_url(), "AWS_ENDPOINT_URL, if set, or AWS's own for the region")


def _s3_url() -> str:
    from botocore.exceptions import BotoCoreError

    from preprocessing.compat.file_systems import s3_endpoint

    try:
        return s3_endpoint()
    except BotoCoreError as error:
        raise EndpointError(f"AWS's settings can't be used: {error}") from error


def _check_url(url: str, named_by: str) -> None:
    found = urlsplit(url if "://" in url else f"http://{url}")
    port = found.port or _PORTS.get(found.scheme)
    if found.hostname and port:
        _check(found.hostname, port, named_by)


def _check(host: str, port: int, named_by: str) -> None:
    if _has_proxy(host):
        return  # which reaches what this machine may not
    try:
        _connect(host, port)
    except OSError as error:
        raise EndpointError(
            f"{host}:{port} ({named_by}) can't be reached: {error.strerror or error}; start what "
            "should answer there, or mend the address"
        ) from error


@functools.cache  # errors aren't kept
def _connect(host: str, port: int) -> None:
    socket.create_connection((host, port), _TIMEOUT_SECONDS).close()


def _has_proxy(host: str) -> bool:
    proxies = urllib.request.getproxies()
    has_one = any(scheme in proxies for scheme in ("http", "https", "grpc", "all"))
    return has_one and not urllib.request.proxy_bypass(host)
