"""A SavedModel on a session of its own, run as the C++ server runs it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf.meta_graph_pb2 import SignatureDef

from serving.compat.session import handle_of, load_saved_model, run_unchecked
from serving.server import errors
from serving.server_options import RuntimeOptions


class ModelSession(Protocol):
    """What Predict needs of a loaded model."""

    signatures: dict[str, SignatureDef]

    def run(
        self, signature: str, feeds: Mapping[str, np.ndarray], fetches: Sequence[str]
    ) -> list[np.ndarray]:
        """Runs a signature: tensor name -> value in, the named tensors out, in this order."""

    def close(self) -> None:
        """Frees the graph and the weights. No run may be under way or follow."""


class SavedModelSession:
    """The graph and weights of one SavedModel version; several threads may run it at once.

    `tf.compat.v1.Session.run` checks and converts feeds in Python. The C++ server does neither, so
    this calls the session below those checks: shapes are the graph's business, and a wrong dtype
    gives the runtime's own error.

    Args:
        path: The version directory, which has saved_model.pb.
        options: Its threads.
        on_close: Called when it is closed.

    Raises:
        OSError, tf.errors.OpError, RuntimeError: The SavedModel can't be loaded.
    """

    def __init__(
        self, path: Path, options: RuntimeOptions, on_close: Callable[[], None] = lambda: None
    ) -> None:
        self._on_close = on_close
        graph = tf.Graph()
        self._session = tf.compat.v1.Session(graph=graph, config=_session_config(options))
        try:
            meta_graph = load_saved_model(self._session, path)
            self.signatures: dict[str, SignatureDef] = dict(meta_graph.signature_def)
            # Looked up once.
            self._handles = {}
            for name in self._tensor_names():
                self._handles[name] = handle_of(graph.get_tensor_by_name(name))
        except BaseException:
            self.close()
            raise

    def run(
        self, signature: str, feeds: Mapping[str, np.ndarray], fetches: Sequence[str]
    ) -> list[np.ndarray]:
        """Runs the graph.

        Args:
            signature: The signature that the tensors belong to; they alone decide what runs.
            feeds: Tensor name -> value.
            fetches: Names of the tensors to return, in this order.

        Raises:
            RequestError: The runtime refused the feeds, or failed.
        """
        values = {self._handles[name]: value for name, value in feeds.items()}
        wanted = [self._handles[name] for name in fetches]
        try:
            return run_unchecked(self._session, values, wanted)
        except tf.errors.OpError as error:
            raise errors.from_tensorflow(error) from None
        except UnicodeDecodeError as error:
            # The runtime quoted bytes of a feed in an error, which its Python binding can't turn
            # into a message.
            raise errors.invalid_argument(error.object.decode(errors="replace")) from None

    def close(self) -> None:
        """Frees the graph and the weights. No run may be under way or follow."""
        self._session.close()
        self._on_close()

    def _tensor_names(self) -> set[str]:
        names: set[str] = set()
        for signature in self.signatures.values():
            for infos in (signature.inputs, signature.outputs):
                names.update(info.name for info in infos.values())
        # A name without a colon is an operation's: the initialiser.
        return {name for name in names if ":" in name}


def _session_config(options: RuntimeOptions) -> tf.compat.v1.ConfigProto:
    return tf.compat.v1.ConfigProto(
        intra_op_parallelism_threads=options.intra_op_threads,
        inter_op_parallelism_threads=options.inter_op_threads,
        use_per_session_threads=options.inter_op_threads > 0,
    )
