"""Whether the servers answer that a job is going to ask, found out before it begins.

Beam's clients ask a dead one again and again, some for minutes, and say little at the end.
"""

from __future__ import annotations

import functools
import os
import re
import socket
import urllib.request
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from preprocessing.paths import is_local

_TIMEOUT_SECONDS = 5.0
_A_URL = "a URL such as http://localhost:9000 would do"
_PORTS = {"http": 80, "https": 443}
_HIGHEST_PORT = 65535
# Where the host may be an IPv6 address in brackets.
_HOST_PORT = re.compile(r"(\[[^\]]+\]|[^][:/,]+):([0-9]+)")
# Beam's options that name a server which this machine asks, by runner.
_JOB_SERVERS = {
    "PortableRunner": ("job_endpoint",),
    "PrismRunner": ("job_endpoint",),
    "FlinkRunner": ("job_endpoint", "flink_master"),
    "SparkRunner": ("job_endpoint", "spark_master_url"),
}
# What of these options has to be host:port: Beam would ask anything else in vain, for minutes or
# without end. gRPC has other names for servers, Flink a default port, and Spark masters in-process.
_NEEDS_PORT = {
    "job_endpoint": re.compile(r"(?!embed$|(?:dns|ipv4|ipv6|unix|unix-abstract):).+"),
    "flink_master": re.compile(r"(?:https?://)?[^][/:]*:[^/]*/?"),
    "spark_master_url": re.compile(r"spark://.*"),
}
_EMULATED_GS = "STORAGE_EMULATOR_HOST"
_OWN_S3 = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")  # the first that is set counts


class EndpointError(OSError):
    """A server can't be reached. The message names its address and what gave it."""


def check_job_server(options: Mapping[str, Any]) -> None:
    """Checks that a Beam runner's job server, or the engine's master, can be reached.

    Args:
        options: Beam's, by name, as PipelineOptions.get_all_options gives them.

    Raises:
        EndpointError: it can't.
    """
    runner = str(options.get("runner") or "").rpartition(".")[2]
    for name in _JOB_SERVERS.get(runner, ()):
        given = str(options.get(name) or "").strip()
        if given:
            _check(_servers(name, given), f"Beam's --{name}")
            return  # a job server reaches the engine from where it is


def _servers(name: str, given: str) -> list[tuple[str, int]]:
    """Host and port of the servers that an option of Beam names, of which one has to answer.

    Returns:
        None of them where the option names no server, or one whose port this machine can't tell.

    Raises:
        EndpointError: the option has to name host and port, and doesn't.
    """
    addresses = _addresses(name, given)
    servers: list[tuple[str, int]] = []
    for address in addresses:
        found = _HOST_PORT.fullmatch(address)
        if found is not None and int(found[2]) <= _HIGHEST_PORT:
            servers.append((found[1].strip("[]"), int(found[2])))
    if len(servers) == len(addresses):
        return servers
    if _NEEDS_PORT[name].fullmatch(given):
        raise EndpointError(
            f"Beam's --{name} needs host:port, such as localhost:8099, with a port of at most "
            f"{_HIGHEST_PORT}. Received: {given}"
        )
    return []


def _addresses(name: str, given: str) -> list[str]:
    """What an option says of each server, without http:// or spark://."""
    if name == "job_endpoint":
        return [given]  # gRPC knows no http://
    named = given.rpartition("://")[2].removesuffix("/")
    return named.split(",") if name == "spark_master_url" else [named]


def check_store(path: str) -> None:
    """Checks that Beam knows the store of a URL, and that it can be reached where that is known.

    Once it has answered, it isn't asked again by this process.

    Raises:
        EndpointError: it can't.
    """
    scheme = path.partition("://")[0]
    if scheme == "gs" and os.environ.get(_EMULATED_GS):
        _check_url(os.environ[_EMULATED_GS], _EMULATED_GS)
    elif scheme == "s3":
        _check_url(_s3_url(), _s3_setting() or "AWS's own for the region")
    elif not is_local(path):
        _check_scheme(scheme)


def _check_scheme(scheme: str) -> None:
    from preprocessing.compat.file_systems import schemes

    known = schemes()
    if scheme not in known:
        listed = ", ".join(f"{one}://" for one in sorted(known | {"gs", "s3"}))
        raise EndpointError(f"there is no file system of {scheme}:// here, but of {listed}")


def _s3_url() -> str:
    from botocore.exceptions import BotoCoreError

    from preprocessing.compat.file_systems import s3_endpoint

    try:
        return s3_endpoint()
    except BotoCoreError as error:
        raise EndpointError(f"AWS's settings can't be used: {error}") from error
    except ValueError as error:  # such as a URL without http://
        setting = _s3_setting() or "AWS's settings"
        raise EndpointError(f"{setting} can't be used: {error}; {_A_URL}") from error


def _s3_setting() -> str:
    """The variable that says where S3 is; "" where none does."""
    return next((name for name in _OWN_S3 if os.environ.get(name)), "")


def _check_url(url: str, named_by: str) -> None:
    found = urlsplit(url if "://" in url else f"http://{url}")
    try:
        port = found.port or _PORTS.get(found.scheme)
    except ValueError as error:
        raise EndpointError(f"{named_by} can't be used: {url}: {error}; {_A_URL}") from error
    if not found.hostname or not port:
        raise EndpointError(f"{named_by} can't be used: {url} names no server; {_A_URL}")
    _check([(found.hostname, port)], named_by)


def _check(servers: Sequence[tuple[str, int]], named_by: str) -> None:
    """Checks that one of the servers, if there is any, can be reached."""
    problem: Exception | None = None
    for host, port in servers:
        if _has_proxy(host):
            return  # which reaches what this machine may not
        try:
            return _connect(host, port)
        except (OSError, UnicodeError) as error:  # the latter of what is no name of a host
            problem = error
    if problem is not None:
        where = ", ".join(f"{host}:{port}" for host, port in servers)
        raise EndpointError(
            f"{where} ({named_by}) can't be reached: {_reason(problem)}; start what should answer "
            "there, or mend the address"
        ) from problem


def _reason(error: Exception) -> str:
    return (isinstance(error, OSError) and error.strerror) or str(error)


@functools.cache  # errors aren't kept
def _connect(host: str, port: int) -> None:
    socket.create_connection((host, port), _TIMEOUT_SECONDS).close()


def _has_proxy(host: str) -> bool:
    proxies = urllib.request.getproxies()
    has_one = any(scheme in proxies for scheme in ("http", "https", "grpc", "all"))
    return has_one and not urllib.request.proxy_bypass(host)
