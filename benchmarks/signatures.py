"""What a loaded model's signatures take and answer, by name."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np

from serving.server.session import SavedModelSession


def inputs_left(infos: Mapping[str, Any], given: Collection[str]) -> dict[str, Any]:
    """The inputs of a signature, name -> TensorInfo, that aren't among those given already."""
    return {name: info for name, info in infos.items() if name not in given}


def run_signature(
    session: SavedModelSession, signature: str, tensors: Mapping[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """All outputs of a signature.

    Args:
        session: The loaded model.
        signature: The signature's name.
        tensors: All its inputs.
    """
    infos = session.signatures[signature]
    feeds: dict[str, np.ndarray] = {}
    for name, array in tensors.items():
        feeds[infos.inputs[name].name] = array
    names = sorted(infos.outputs)
    fetches = [infos.outputs[name].name for name in names]
    return dict(zip(names, session.run(signature, feeds, fetches), strict=True))
