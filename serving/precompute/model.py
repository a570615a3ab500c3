"""The model version that encodes users: where it is, what made it, and its states' keys."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Collection
from typing import Any

import numpy as np
import tensorflow as tf

from preprocessing.config import SAVED
from preprocessing.paths import absolute
from preprocessing.spec import DatasetSpec
from preprocessing.stored_folders import read_file
from serving import contract
from serving.cache import check_ignored, request_time, state_key
from serving.errors import ServingError
from serving.precompute.stores import UserKey
from serving.rollout import newest_of

_DTYPES = {"bytes_list": object, "int64_list": np.int64, "float_list": np.float32}


@dataclasses.dataclass(frozen=True)
class ModelVersion:
    """A version as servers know it, without its weights.

    Attributes:
        name: The model's name on the server.
        number: The version.
        path: Its directory, which may be in a store; absolute, since workers have other working
            directories.
        description: What the version tells of itself.
        spec: The dataset spec that it was trained with.
        ignored_context: Context inputs that the clients leave out of their keys: their
            Freshness.ignored_context.
    """

    name: str
    number: int
    path: str
    description: contract.Description
    spec: DatasetSpec
    ignored_context: frozenset[str] = frozenset()

    @classmethod
    def load(cls, name: str, model_dir: str, ignored_context: Collection[str] = ()) -> ModelVersion:
        """The version in `model_dir`, or the newest one below it, as a server would choose.

        Raises:
            ServingError: There is none, its directory has no number for a name, another release
                made it, or it has no such context input.
        """
        path = _version_dir(absolute(model_dir))
        made_by = _made_by(os.path.join(path, contract.CONFIG_FILE))
        spec = DatasetSpec.model_validate(made_by["spec"], context=SAVED)
        description = contract.Description.from_dict(made_by["description"])
        try:
            check_ignored(ignored_context, description)
        except ValueError as error:
            raise ServingError(f"{path}: {error}") from None
        return cls(
            name, int(os.path.basename(path)), path, description, spec, frozenset(ignored_context)
        )

    def key_of(self, record: bytes) -> UserKey:
        """The key of the state of a user's record, as the client makes it of the same request."""
        features = tf.train.Example.FromString(record).features.feature
        names = self.description
        scalars = (*names.user_inputs, *names.context_inputs)
        lists = names.history_inputs
        # As the client sends one user: scalars are [1], histories [1, L].
        inputs: dict[str, np.ndarray] = {}
        for name in scalars:
            inputs[name] = _values(features[name])
        for name in lists:
            inputs[name] = _values(features[name])[None]
        key = state_key(self.name, self.number, names, inputs, self.ignored_context)
        return UserKey(key.user_id.decode(), str(key), request_time(inputs))


def _made_by(file_name: str) -> dict[str, Any]:
    try:
        found = json.loads(read_file(file_name))
    except OSError:
        found = {}
    if "description" not in found:
        raise ServingError(
            f"{file_name} has no description: the model is none of this release's. Export it again."
        )
    return found


def _values(feature: tf.train.Feature) -> np.ndarray:
    kind = feature.WhichOneof("kind")
    return np.array(getattr(feature, kind).value, _DTYPES[kind])


def _version_dir(model_dir: str) -> str:
    try:
        return newest_of(model_dir)
    except OSError as error:
        raise ServingError(str(error)) from error
