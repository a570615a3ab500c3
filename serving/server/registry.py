"""The models that are served, by name, with their labels."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager

import grpc
from tensorflow_serving.apis import model_pb2

from serving.server import versions
from serving.server.config.model_config import ModelConfig
from serving.server.errors import RequestError, ServerStartError, invalid_argument
from serving.server.loaded_versions import not_found
from serving.server.manager import Load, VersionManager
from serving.server.versions import Servable, VersionStatus

_LABELS_AT_START = (
    ". Nothing is available before the first load: leave labels for a later configuration, or "
    "allow them with --allow_version_labels_for_unavailable_models."
)


class ModelRegistry:
    """All models of a server.

    Args:
        poll_seconds: Seconds between looks for new versions.
        settle_seconds: Seconds for which files without a manifest must have stayed unchanged.
        labels_for_unavailable: Whether a label that is new may name a version that isn't available.
        load: Loads a version directory of a model.
        on_change: Called after each change of what is served.
    """

    def __init__(
        self,
        poll_seconds: float,
        settle_seconds: float,
        labels_for_unavailable: bool,
        load: Load,
        on_change: Callable[[], None],
    ) -> None:
        self._poll_seconds = poll_seconds
        self._settle_seconds = settle_seconds
        self._labels_for_unavailable = labels_for_unavailable
        self._load = load
        self._on_change = on_change
        self._models: dict[str, VersionManager] = {}
        # Unloaded, but their status can still be asked for.
        self._gone: dict[str, VersionManager] = {}
        self._labels: dict[str, dict[str, int]] = {}
        self._configs: list[ModelConfig] | None = None
        self._changing = threading.Lock()

    def start(self, configs: Sequence[ModelConfig]) -> None:
        """Loads every model.

        Raises:
            ServerStartError: One has no version that can be served; nothing stays loaded.
        """
        try:
            problems = self._take(configs)
        except RequestError as error:
            self.stop()
            labels = error.code == grpc.StatusCode.FAILED_PRECONDITION
            raise ServerStartError(error.message + (_LABELS_AT_START if labels else "")) from None
        if problems:
            self.stop()
            raise ServerStartError(" ".join(problems))

    def reload(self, configs: Sequence[ModelConfig]) -> None:
        """Makes these the models.

        Loads new ones, unloads those that are gone, and changes labels and version policies. Where
        all that is done already, it looks again for the models that can't be served yet.

        Raises:
            RequestError: FAILED_PRECONDITION for a label on a version that isn't available, with
                nothing changed; UNKNOWN for models that can't be served yet, while all else is as
                asked for.
        """
        problems = self._take(configs)
        if problems:
            # In TensorFlow Serving's words.
            raise RequestError(
                grpc.StatusCode.UNKNOWN,
                f"{len(problems)} model(s) did not become available: {{{', '.join(problems)}}}",
            )

    def _take(self, configs: Sequence[ModelConfig]) -> list[str]:
        """As `reload`; returns why models can't be served yet."""
        with self._changing:
            if list(configs) == self._configs:
                for name in self.unavailable():
                    self._models[name].look_again()
            else:
                self._change(configs)
                self._on_change()
            problems: list[str] = []
            for config in configs:
                problem = self._models[config.name].problem()
                if problem:
                    problems.append(problem)
        return problems

    def use(self, spec: model_pb2.ModelSpec) -> AbstractContextManager[Servable]:
        """Lends the version that a ModelSpec names.

        Raises:
            RequestError: There is no such model, version or label.
        """
        if not spec.name:
            raise invalid_argument("ModelSpec has no name specified.")
        # Neither a version nor a label means the latest.
        version = spec.version.value if spec.HasField("version") else None
        if spec.WhichOneof("version_choice") == "version_label":
            version = self._labels.get(spec.name, {}).get(spec.version_label)
            if version is None:
                raise invalid_argument(f"Unrecognized servable version label: {spec.version_label}")
        manager = self._models.get(spec.name)
        if manager is None:
            raise not_found(spec.name, version)
        return manager.loaded.use(version)

    def statuses(self, name: str) -> dict[int, VersionStatus]:
        """The versions of a model, also of one that is gone; none for an unknown one."""
        manager = self._models.get(name) or self._gone.get(name)
        return manager.loaded.statuses() if manager else {}

    def serves(self, name: str) -> bool:
        """Whether a model is configured."""
        return name in self._models

    def unavailable(self) -> list[str]:
        """The configured models without a version that is loaded and warmed up."""
        models = list(self._models.items())  # a reload may change them meanwhile
        return sorted(name for name, model in models if not model.loaded.is_available())

    def available(self) -> dict[str, list[int]]:
        """Model -> the versions being served, the latest first."""
        found: dict[str, list[int]] = {}
        for name, manager in list(self._models.items()):
            found[name] = []
            for version, status in manager.loaded.statuses().items():
                if status.state == versions.AVAILABLE:
                    found[name].append(version)
        return found

    def stop(self, timeout_seconds: float | None = None) -> bool:
        """Unloads everything, once requests under way are finished.

        Returns:
            Whether they were within `timeout_seconds`; what they run on stays loaded otherwise.
        """
        deadline = None if timeout_seconds is None else time.monotonic() + timeout_seconds
        with self._changing:
            finished = True
            for name in list(self._models):
                finished &= self._remove(name, deadline)
            return finished

    def _change(self, configs: Sequence[ModelConfig]) -> None:
        self._labels = self._new_labels(configs)
        self._configs = list(configs)
        wanted = {config.name: config for config in configs}
        for name in self._models.keys() - wanted.keys():
            self._remove(name)
        for name, config in wanted.items():
            if name in self._models:
                self._models[name].update(config)
        new = [config for name, config in wanted.items() if name not in self._models]
        for config in new:
            self._add(config)

    def _add(self, config: ModelConfig) -> None:
        manager = VersionManager(
            config, self._poll_seconds, self._settle_seconds, self._load, self._on_change
        )
        self._models[config.name] = manager
        self._gone.pop(config.name, None)
        manager.start()

    def _remove(self, name: str, deadline: float | None = None) -> bool:
        self._gone[name] = self._models.pop(name)
        return self._gone[name].stop(deadline)

    def _new_labels(self, configs: Sequence[ModelConfig]) -> dict[str, dict[str, int]]:
        for config in configs:
            for label, version in config.labels.items():
                manager = self._models.get(config.name)
                ready = manager is not None and manager.loaded.is_available(version)
                moved = self._labels.get(config.name, {}).get(label, version) != version
                if not ready and (moved or not self._labels_for_unavailable):
                    raise RequestError(
                        grpc.StatusCode.FAILED_PRECONDITION,
                        f"Request to assign label to version {version} of model {config.name}, "
                        "which is not currently available for inference",
                    )
        return {config.name: dict(config.labels) for config in configs}
