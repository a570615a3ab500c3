"""Where metrics are shown: TensorFlow Serving's monitoring config file."""

from __future__ import annotations

from pathlib import Path

from serving.server.config import messages
from serving.server.config.text_proto import read_text_proto
from serving.server.errors import ServerStartError

DEFAULT_PATH = "/monitoring/prometheus/metrics"


def read_prometheus_path(path: Path) -> str | None:
    """The REST port's path of the Prometheus page, or None if it isn't enabled.

    Raises:
        ServerStartError: The file can't be read, or the path doesn't begin with a slash.
    """
    config = read_text_proto(path, messages.MonitoringConfig).prometheus_config
    if not config.enable:
        return None
    if config.path and not config.path.startswith("/"):
        raise ServerStartError(
            f"{path}: prometheus_config.path must begin with '/'. Received: {config.path!r}"
        )
    return config.path or DEFAULT_PATH
