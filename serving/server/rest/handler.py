"""Answers one HTTP request after the other on a connection."""

from __future__ import annotations

import logging
import re
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import grpc
from tensorflow_serving.apis import get_model_metadata_pb2, get_model_status_pb2, predict_pb2

from serving.server.errors import RequestError, invalid_argument
from serving.server.metrics import CONTENT_TYPE
from serving.server.model_api import SIGNATURE_DEF, ModelApi
from serving.server.rest.json_request import fill_request
from serving.server.rest.json_response import encode, metadata_json, predict_json, status_json

if TYPE_CHECKING:
    from serving.server.rest.server import RestServer

_log = logging.getLogger(__name__)
# This server's own: whether the process answers, and whether every model can.
LIVE_PATH, READY_PATH = "/healthz", "/readyz"
_VERSION = r"(?:/versions/(?P<version>\d+)|/labels/(?P<label>[^/:]+))?"
_POST = re.compile(rf"/v1/models/(?P<name>[^/:]+){_VERSION}:predict", re.IGNORECASE)
_GET = re.compile(rf"/v1/models/(?P<name>[^/:]+){_VERSION}(?P<metadata>/metadata)?", re.IGNORECASE)
_HTTP_STATUS = {
    grpc.StatusCode.INVALID_ARGUMENT: 400,
    grpc.StatusCode.FAILED_PRECONDITION: 400,
    grpc.StatusCode.OUT_OF_RANGE: 400,
    grpc.StatusCode.UNAUTHENTICATED: 401,
    grpc.StatusCode.PERMISSION_DENIED: 403,
    grpc.StatusCode.NOT_FOUND: 404,
    grpc.StatusCode.ALREADY_EXISTS: 409,
    grpc.StatusCode.ABORTED: 409,
    grpc.StatusCode.RESOURCE_EXHAUSTED: 429,
    grpc.StatusCode.CANCELLED: 499,
    grpc.StatusCode.UNIMPLEMENTED: 501,
    grpc.StatusCode.UNAVAILABLE: 503,
    grpc.StatusCode.DEADLINE_EXCEEDED: 504,
}


class RestHandler(BaseHTTPRequestHandler):
    """Predict, status, metadata, health and metrics; errors are {"error": "..."}."""

    protocol_version = "HTTP/1.1"
    server: RestServer

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def log_message(self, format: str, *args: Any) -> None:
        """Keeps requests out of stderr; they are in the log at level DEBUG."""
        _log.debug(format, *args)

    def _answer(self) -> None:
        self.server.begin_request()
        try:
            code, document = self._respond()
            self.close_connection = self.close_connection or self.server.draining
            self.send_response(code)
            self.send_header("Content-Type", self._content_type)
            self.send_header("Content-Length", str(len(document)))
            if self.close_connection:
                self.send_header("Connection", "close")
            self.end_headers()
            self.wfile.write(document)
        finally:
            self.server.end_request()

    def _respond(self) -> tuple[int, bytes]:
        path = self.path.partition("?")[0]
        self._content_type = "application/json"
        refusal = self._unreadable()
        if refusal is not None:
            self.close_connection = True  # the body stays unread
            return refusal
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if path in (LIVE_PATH, READY_PATH):
            return self._health(path)
        if path == self.server.prometheus_path:
            self._content_type = CONTENT_TYPE
            return 200, self.server.api.metrics.page()
        if not path.lower().startswith("/v1/"):
            return 404, encode({"error": f"Not found: {path}. Paths begin with /v1/models/."})
        try:
            return 200, _dispatch(self.server.api, self.command, path, body)
        except RequestError as error:
            return _HTTP_STATUS.get(error.code, 500), encode({"error": error.message})
        except Exception as error:
            _log.exception("A request failed in the server itself")
            return 500, encode({"error": f"{type(error).__name__}: {error}"})

    def _unreadable(self) -> tuple[int, bytes] | None:
        """The answer to a request whose body isn't read."""
        if "chunked" in self.headers.get("Transfer-Encoding", "").lower():
            return 411, encode({"error": "Send a Content-Length; chunked requests are not supported."})
        length, most = self.headers.get("Content-Length", "0"), self.server.api.limits.max_message_bytes
        if not (length.isascii() and length.isdigit()):
            return 400, encode({"error": f"Content-Length must be a whole number. Received: {length!r}"})
        if int(length) > most:
            return 413, encode({"error": f"A request has at most {most} bytes. Received: {length}"})
        return None

    def _health(self, path: str) -> tuple[int, bytes]:
        problem = "" if path == LIVE_PATH else self.server.health.problem()
        if problem:
            return 503, encode({"status": "NOT_SERVING", "error": problem})
        return 200, encode({"status": "SERVING"})


def _dispatch(api: ModelApi, command: str, path: str, body: bytes) -> bytes:
    match = (_POST if command == "POST" else _GET).fullmatch(path)
    if match is None:
        raise invalid_argument(f"Malformed request: {command} {path}")
    if command == "POST":
        return _predict(api, match, body)
    if match["metadata"]:
        metadata = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=[SIGNATURE_DEF])
        _fill_spec(metadata.model_spec, match)
        return metadata_json(api.get_model_metadata(metadata))
    status = get_model_status_pb2.GetModelStatusRequest()
    _fill_spec(status.model_spec, match)
    return status_json(api.get_model_status(status))


def _predict(api: ModelApi, match: re.Match[str], body: bytes) -> bytes:
    request = predict_pb2.PredictRequest()
    with api.counted(unquote(match["name"]), "REST"):
        _fill_spec(request.model_spec, match)
        form = fill_request(body, request, api.signature_inputs)
        return predict_json(api.predict(request), form)


def _fill_spec(spec: Any, match: re.Match[str]) -> None:
    spec.name = unquote(match["name"])
    if match["version"]:
        version = int(match["version"])
        if version >= 2**63:
            raise invalid_argument(f"Failed to convert version: {match['version']} to numeric.")
        spec.version.value = version
    if match["label"]:
        spec.version_label = unquote(match["label"])
