"""TLS for the gRPC port: TensorFlow Serving's SSL config file."""

from __future__ import annotations

from pathlib import Path

import grpc

from serving.server.config import messages
from serving.server.config.text_proto import read_text_proto
from serving.server.errors import ServerStartError


def read_server_credentials(path: Path) -> grpc.ServerCredentials:
    """The credentials of an SSLConfig, whose fields hold PEM text, not paths.

    Raises:
        ServerStartError: The file can't be read, or has no key and certificate.
    """
    config = read_text_proto(path, messages.SSLConfig)
    for field in ("server_key", "server_cert"):
        if not getattr(config, field):
            raise ServerStartError(
                f"{path}: {field} is missing. It holds PEM text, with \\n for line ends."
            )
    if config.client_verify and not config.custom_ca:
        raise ServerStartError(
            f"{path}: client_verify needs custom_ca, which signs the clients' certificates."
        )
    pair = (config.server_key.encode(), config.server_cert.encode())
    authority = config.custom_ca.encode() or None
    return grpc.ssl_server_credentials([pair], authority, require_client_auth=config.client_verify)
