"""Answers HTTP requests: predict, classify, regress, status, metadata, health and metrics."""

from __future__ import annotations

import asyncio
import functools
import logging
import re
from http import HTTPStatus
from urllib.parse import unquote

import grpc
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from tensorflow_serving.apis import (
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_pb2,
    predict_pb2,
    regression_pb2,
)

from serving.server.errors import RequestError, invalid_argument
from serving.server.front import Front
from serving.server.health import Health
from serving.server.metrics import CONTENT_TYPE
from serving.server.model_api import SIGNATURE_DEF, ModelApi
from serving.server.rest.body import BodyReader, decode_body
from serving.server.rest.json_examples import classification_json, fill_examples, regression_json
from serving.server.rest.json_request import count_json_values, fill_request
from serving.server.rest.json_response import encode, metadata_json, predict_json, status_json

_log = logging.getLogger(__name__)
# This server's own paths.
LIVE_PATH = "/healthz"  # whether the process answers
READY_PATH = "/readyz"  # whether every model can answer
_VERSION = r"(?:/versions/(?P<version>\d+)|/labels/(?P<label>[^/:]+))?"
_POST = re.compile(
    rf"/v1/models/(?P<name>[^/:]+){_VERSION}:(?P<method>predict|classify|regress)", re.IGNORECASE
)
_GET = re.compile(rf"/v1/models/(?P<name>[^/:]+){_VERSION}(?P<metadata>/metadata)?", re.IGNORECASE)
_JSON = "application/json"
_OBJECTS_A_VALUE = 2  # JSON's, and the tensor's
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


class RestApp:
    """An ASGI application; errors are {"error": "..."}.

    Args:
        front: Whose threads answer.
        api: What answers.
        health: What tells whether it can.
        prometheus_path: The path of the page of metrics; None shows none.
        timeout_seconds: For a body to come, and for its answer.
    """

    def __init__(
        self,
        front: Front,
        api: ModelApi,
        health: Health,
        prometheus_path: str | None,
        timeout_seconds: float,
    ) -> None:
        self._api = api
        self._health = health
        self._workers = front.rest_workers
        self._control = front.control
        self._prometheus_path = prometheus_path
        self._timeout_seconds = timeout_seconds
        self._bodies = BodyReader(api.limits.rest_bytes, front.held, timeout_seconds)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        try:
            response = await self._respond(request)
        except ClientDisconnect:
            return
        except HTTPException as error:
            response = _error(error.status_code, error.detail, dict(error.headers or {}))
        except RequestError as error:
            response = _error(_HTTP_STATUS.get(error.code, 500), error.message)
        except Exception as error:
            _log.exception("A request failed in the server itself")
            response = _error(500, f"{type(error).__name__}: {error}")
        await response(scope, receive, send)

    async def _respond(self, request: Request) -> Response:
        path = request.scope["raw_path"].decode()
        method = request.method
        if method == "OPTIONS":
            allowed = "POST, OPTIONS" if _POST.fullmatch(path) else "GET, HEAD, OPTIONS"
            return Response(status_code=HTTPStatus.NO_CONTENT, headers={"Allow": allowed})
        # The commonest request first.
        if method == "POST" and (match := _POST.fullmatch(path)):
            return await self._infer(request, match)
        if path in (LIVE_PATH, READY_PATH):
            return self._answer_health(path)
        if path == self._prometheus_path:
            return Response(
                await self._control.run(self._api.metrics.page), media_type=CONTENT_TYPE
            )
        if not path.lower().startswith("/v1/"):
            return _error(404, f"Not found: {path}. Paths begin with /v1/models/.")
        if method in ("GET", "HEAD") and (match := _GET.fullmatch(path)):
            return Response(await self._control.run(_describe, self._api, match), media_type=_JSON)
        raise invalid_argument(f"Malformed request: {method} {path}")

    async def _infer(self, request: Request, match: re.Match[str]) -> Response:
        body = await self._bodies.read(request)
        # A thread may hold it after the time is over.
        ended = functools.partial(self._bodies.release, len(body))
        encoding = request.headers.get("content-encoding", "")
        answer = self._workers.run(_infer, self._api, match, body, encoding, ended=ended)
        try:
            document = await asyncio.wait_for(answer, self._timeout_seconds)
        except asyncio.TimeoutError:
            message = f"The answer took more than {self._timeout_seconds:g} s."
            raise RequestError(grpc.StatusCode.DEADLINE_EXCEEDED, message) from None
        return Response(document, media_type=_JSON)

    def _answer_health(self, path: str) -> Response:
        problem = "" if path == LIVE_PATH else self._health.problem()
        if problem:
            return Response(
                encode({"status": "NOT_SERVING", "error": problem}), 503, media_type=_JSON
            )
        return Response(encode({"status": "SERVING"}), media_type=_JSON)


def _error(status: int, message: str, headers: dict[str, str] | None = None) -> Response:
    return Response(encode({"error": message}), status, headers, _JSON)


def _describe(api: ModelApi, match: re.Match[str]) -> bytes:
    if match["metadata"]:
        metadata = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=[SIGNATURE_DEF])
        _fill_spec(metadata.model_spec, match)
        return metadata_json(api.get_model_metadata(metadata))
    status = get_model_status_pb2.GetModelStatusRequest()
    _fill_spec(status.model_spec, match)
    return status_json(api.get_model_status(status))


def _infer(api: ModelApi, match: re.Match[str], body: bytes, encoding: str) -> bytes:
    document = decode_body(body, encoding, api.limits.rest_bytes)
    method = match["method"].lower()
    with api.counted(unquote(match["name"]), "REST", method):
        count = count_json_values(document, api.limits.max_values)
        with api.admission.values(_OBJECTS_A_VALUE * count):
            return _METHODS[method](api, match, document)


def _predict(api: ModelApi, match: re.Match[str], document: bytes) -> bytes:
    request = predict_pb2.PredictRequest()
    _fill_spec(request.model_spec, match)
    form = fill_request(document, request, api.signature_inputs)
    return predict_json(api.predict(request), form)


def _classify(api: ModelApi, match: re.Match[str], document: bytes) -> bytes:
    request = classification_pb2.ClassificationRequest()
    _fill_spec(request.model_spec, match)
    fill_examples(document, request)
    return classification_json(api.classify(request))


def _regress(api: ModelApi, match: re.Match[str], document: bytes) -> bytes:
    request = regression_pb2.RegressionRequest()
    _fill_spec(request.model_spec, match)
    fill_examples(document, request)
    return regression_json(api.regress(request))


_METHODS = {"predict": _predict, "classify": _classify, "regress": _regress}


def _fill_spec(spec: model_pb2.ModelSpec, match: re.Match[str]) -> None:
    spec.name = unquote(match["name"])
    if match["version"]:
        version = int(match["version"][:20])  # digits; more than 20 are over the limit anyway
        if version >= 2**63:
            raise invalid_argument(
                f"Failed to convert version: {match['version'][:100]} to numeric."
            )
        spec.version.value = version
    if match["label"]:
        spec.version_label = unquote(match["label"])
