"""Runs a SavedModel's `encode_user_examples` inside Beam's RunInference."""

from __future__ import annotations

import functools
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from apache_beam.ml.inference.base import ModelHandler

from preprocessing.paths import is_local
from serving import contract
from serving.stored_versions import fetch_version


class EncodeUsers(ModelHandler[bytes, bytes, Any]):
    """Serialised tf.Examples of users in, their states out.

    Args:
        model_path: A version's directory, here or in a store.
        batch_size: The most users encoded at once.
    """

    def __init__(self, model_path: str, batch_size: int) -> None:
        super().__init__()
        self._model_path = model_path
        self._batch_size = batch_size

    def load_model(self) -> Any:
        return _load(self._model_path)

    def run_inference(
        self, batch: Sequence[bytes], model: Any, inference_args: Mapping[str, Any] | None = None
    ) -> Iterable[bytes]:
        import tensorflow as tf

        encode = model.signatures[contract.ENCODE_USER_EXAMPLES]
        outputs = encode(**{contract.EXAMPLES: tf.constant(list(batch))})
        states = outputs[contract.state_name(outputs)]
        return [state for (state,) in states.numpy().tolist()]

    def batch_elements_kwargs(self) -> Mapping[str, Any]:
        # Beam begins with the smallest size: a run of the model for one user costs as for some.
        return {"min_batch_size": min(16, self._batch_size), "max_batch_size": self._batch_size}


@functools.lru_cache(maxsize=1)
def _load(model_path: str) -> Any:
    """Kept as long as the process: some runners set their workers up anew for each bundle."""
    import tensorflow as tf

    if is_local(model_path):
        return tf.saved_model.load(model_path)
    with tempfile.TemporaryDirectory() as folder:
        return tf.saved_model.load(str(fetch_version(model_path, Path(folder))))
