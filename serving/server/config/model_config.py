"""Which models and versions to serve: TensorFlow Serving's model config."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict
from tensorflow_serving.config import model_server_config_pb2
from tensorflow_serving.config.file_system_storage_path_source_pb2 import (
    FileSystemStoragePathSourceConfig,
)

from preprocessing.paths import is_local
from serving.server.config.text_proto import read_text_proto
from serving.server.errors import RequestError, ServerStartError, invalid_argument

_PLATFORM = "tensorflow"


class VersionPolicy(BaseModel):
    """Which of a model's versions to serve.

    Attributes:
        kind: `latest`, `all` or `specific`.
        num_versions: How many, for `latest`.
        versions: Which, for `specific`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["latest", "all", "specific"] = "latest"
    num_versions: int = 1
    versions: frozenset[int] = frozenset()

    def choose(self, found: Iterable[int]) -> list[int]:
        """The versions to serve of those found, in ascending order."""
        if self.kind == "latest":
            return sorted(found)[-self.num_versions :]
        if self.kind == "all":
            return sorted(found)
        return sorted(self.versions.intersection(found))


class ModelConfig(BaseModel):
    """One model.

    Attributes:
        name: Its name in requests.
        base_path: The directory of its version directories, or a URL such as gs://bucket/models/m.
        policy: Which versions to serve.
        labels: Label -> version.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    base_path: str
    policy: VersionPolicy = VersionPolicy()
    labels: dict[str, int] = {}


def read_model_configs(path: Path) -> list[ModelConfig]:
    """The models of a model config file.

    Raises:
        ServerStartError: The file can't be read, or its content isn't valid.
    """
    proto = read_text_proto(path, model_server_config_pb2.ModelServerConfig)
    if proto.WhichOneof("config") != "model_config_list":
        raise ServerStartError(f"{path}: expected a model_config_list.")
    try:
        return parse_model_configs(proto)
    except RequestError as error:
        raise ServerStartError(f"{path}: {error.message}") from None


def parse_model_configs(proto: model_server_config_pb2.ModelServerConfig) -> list[ModelConfig]:
    """The models of a ModelServerConfig.

    Raises:
        RequestError: INVALID_ARGUMENT, in TensorFlow Serving's words where it has some.
    """
    if proto.WhichOneof("config") != "model_config_list":
        raise invalid_argument(
            "ServerModelConfig type not supported by HandleReloadConfigRequest. Only "
            "ModelConfigList is currently supported"
        )
    models: dict[str, ModelConfig] = {}
    for config in proto.model_config_list.config:
        if config.name in models:
            raise invalid_argument(
                f"Illegal to list model {config.name} multiple times in config list"
            )
        models[config.name] = _model(config)
    return list(models.values())


def _model(config: model_server_config_pb2.ModelConfig) -> ModelConfig:
    if not config.name:
        raise invalid_argument(f"A model needs a name. Received: base_path={config.base_path!r}")
    if is_local(config.base_path) and not Path(config.base_path).is_absolute():
        raise invalid_argument(
            f"Expected model {config.name} to have an absolute path or URI; got "
            f"base_path()={config.base_path}"
        )
    if not config.model_platform and not config.model_type:
        raise invalid_argument(
            "Illegal setting neither ModelServerConfig::model_type (deprecated) nor "
            f"ModelServerConfig::model_platform, model name is {config.name}"
        )
    if config.model_platform not in ("", _PLATFORM):
        raise invalid_argument(
            f"Model {config.name} requests unsupported platform {config.model_platform}"
        )
    return ModelConfig(
        name=config.name,
        base_path=config.base_path,
        policy=_policy(config.model_version_policy),
        labels=dict(config.version_labels),
    )


def _policy(proto: FileSystemStoragePathSourceConfig.ServableVersionPolicy) -> VersionPolicy:
    kind = proto.WhichOneof("policy_choice") or "latest"
    if kind == "specific":
        return VersionPolicy(kind="specific", versions=frozenset(proto.specific.versions))
    return VersionPolicy(kind=kind, num_versions=max(proto.latest.num_versions, 1))
