"""The state of a model's version, in TensorFlow Serving's terms, and one that is served."""

from __future__ import annotations

import dataclasses

import grpc
from tensorflow_serving.apis import get_model_status_pb2

from serving.server.session import ModelSession

_States = get_model_status_pb2.ModelVersionStatus
LOADING = _States.LOADING
AVAILABLE = _States.AVAILABLE
UNLOADING = _States.UNLOADING
END = _States.END


@dataclasses.dataclass(frozen=True)
class VersionStatus:
    """Where a version is in its life.

    Attributes:
        state: LOADING, AVAILABLE, UNLOADING or END.
        code: What went wrong, or OK.
        message: What went wrong, in words.
    """

    state: int
    code: grpc.StatusCode = grpc.StatusCode.OK
    message: str = ""


@dataclasses.dataclass
class Servable:
    """A loaded version.

    Attributes:
        version: Its number.
        session: The model.
        users: Requests that run on it; guarded by the lock of LoadedVersions.
    """

    version: int
    session: ModelSession
    users: int = 0
