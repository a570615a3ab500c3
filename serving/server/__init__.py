"""A model server for development, tests and single machines that behaves like tensorflow/serving."""

from serving.server.errors import ServerStartError
from serving.server.model_server import ModelServer, serve

__all__ = ["ModelServer", "ServerStartError", "serve"]
