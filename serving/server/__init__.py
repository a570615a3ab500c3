"""A model server that behaves like tensorflow/serving, for development and single machines."""

import os
import sys

# TensorFlow's oneDNN makes a kernel for each shape that a request has, and each thread keeps a
# thousand of them: memory that grows for days. Rankers are no slower without (docs/serving.md has
# figures). TensorFlow reads this when it is imported; later it would only reach processes that this
# one starts.
if "tensorflow" not in sys.modules:
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")

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
