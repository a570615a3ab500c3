"""A model server that behaves like tensorflow/serving, for development and single machines."""

from serving.server.command import serve
from serving.server.errors import ServerStartError
from serving.server.model_server import ModelServer
from serving.server_options import (
    ModelOptions,
    NetworkOptions,
    RequestLimits,
    RuntimeOptions,
    ServerOptions,
)

__all__ = [
    "ModelOptions",
    "ModelServer",
    "NetworkOptions",
    "RequestLimits",
    "RuntimeOptions",
    "ServerOptions",
    "ServerStartError",
    "serve",
]
