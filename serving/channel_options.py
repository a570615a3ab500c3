"""How a client reaches the server: limits, TLS, and gRPC's own retries."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import grpc

_RETRIED_SERVICES = ("tensorflow.serving.PredictionService", "tensorflow.serving.ModelService")
# By itself gRPC comes to wait two minutes, so that a client would miss a server that is back.
_RECONNECT_MS = {
    "grpc.initial_reconnect_backoff_ms": 100,
    "grpc.min_reconnect_backoff_ms": 1000,
    "grpc.max_reconnect_backoff_ms": 2000,
}


@dataclasses.dataclass(frozen=True)
class Tls:
    """PEM files for an encrypted connection.

    Attributes:
        ca_file: Certificates that may have signed the server's; None takes gRPC's own list.
        cert_file: The client's certificate chain, where the server asks for one; with `key_file`.
        key_file: The client's private key.
        server_name: The name in the server's certificate, where it isn't the address's.
    """

    ca_file: str | None = None
    cert_file: str | None = None
    key_file: str | None = None
    server_name: str | None = None

    def __post_init__(self) -> None:
        if (self.cert_file is None) != (self.key_file is None):
            raise ValueError(
                f"cert_file and key_file go together. Received: cert_file={self.cert_file}, "
                f"key_file={self.key_file}"
            )

    def credentials(self) -> grpc.ChannelCredentials:
        """The channel's credentials.

        Raises:
            OSError: A file can't be read.
        """
        return grpc.ssl_channel_credentials(
            _read(self.ca_file), _read(self.key_file), _read(self.cert_file)
        )


@dataclasses.dataclass(frozen=True)
class ChannelOptions:
    """Everything about a connection but its address.

    Example:
        channel = ChannelOptions(tls=Tls(ca_file="ca.pem"), wait_for_ready=True)
        client = RankingClient("ranker.example.com:8500", channel=channel)

    Attributes:
        max_message_bytes: Bytes of the largest request or response; gRPC's own limit, 4 MiB, is too
            little.
        tls: None sends in the clear.
        attempts: How often gRPC tries a request while the server is away, 1 to 5, within the
            deadline.
        wait_for_ready: Whether requests wait for a server that is down, up to their deadline,
            rather than fail at once after the last attempt.
        extra: Further gRPC channel arguments; they win.
    """

    max_message_bytes: int = 64 * 1024 * 1024
    tls: Tls | None = None
    attempts: int = 4
    wait_for_ready: bool = False
    extra: tuple[tuple[str, Any], ...] = ()

    def __post_init__(self) -> None:
        if not 1 <= self.attempts <= 5:
            raise ValueError(
                f"attempts must lie between 1 and 5, gRPC's own limit. Received: {self.attempts}"
            )

    def arguments(self) -> list[tuple[str, Any]]:
        """The channel arguments."""
        limits = ("grpc.max_receive_message_length", "grpc.max_send_message_length")
        chosen: dict[str, Any] = _RECONNECT_MS | dict.fromkeys(limits, self.max_message_bytes)
        chosen |= {
            "grpc.enable_retries": int(self.attempts > 1),
            "grpc.service_config": self._service_config(),
        }
        if self.tls is not None and self.tls.server_name is not None:
            chosen["grpc.ssl_target_name_override"] = self.tls.server_name
        return list((chosen | dict(self.extra)).items())

    def open(self, module: ModuleType, address: str) -> grpc.Channel | grpc.aio.Channel:
        """A channel of `module`, which is grpc or grpc.aio."""
        if self.tls is None:
            return module.insecure_channel(address, options=self.arguments())
        return module.secure_channel(address, self.tls.credentials(), options=self.arguments())

    def _service_config(self) -> str:
        """Has gRPC try again what a server that goes down refuses or drops.

        All requests may be made twice without harm. A call that this side cancels isn't tried
        again.
        """
        services = [{"service": service} for service in _RETRIED_SERVICES]
        method: dict[str, Any] = {"name": services}
        if self.attempts > 1:
            method["retryPolicy"] = {
                "maxAttempts": self.attempts,
                "initialBackoff": "0.02s",
                "maxBackoff": "0.5s",
                "backoffMultiplier": 3,
                "retryableStatusCodes": ["UNAVAILABLE", "CANCELLED"],
            }
        return json.dumps({"methodConfig": [method]})


def _read(path: str | None) -> bytes | None:
    return None if path is None else Path(path).read_bytes()
