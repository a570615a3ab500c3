"""The inputs of a model version, and its description of itself."""

from __future__ import annotations

from typing import Any

from serving import contract
from serving.connection import Metadata

Infos = dict[str, Any]


class Signatures:
    """The inputs of one model version's signatures, name -> TensorInfo, and its description.

    Args:
        metadata: The version's metadata.
        description: Its description.
    """

    def __init__(self, metadata: Metadata, description: contract.Description) -> None:
        self.version = metadata.version
        self.description = description
        self._inputs = metadata.inputs

    def user_inputs(self) -> Infos:
        """The user's, context's and history's raw features."""
        return inputs_of(self._inputs, contract.ENCODE_USER, self.version)

    def state_input(self, signature: str) -> str:
        """The name of the user state among a scoring signature's inputs."""
        return contract.state_name(inputs_of(self._inputs, signature, self.version))

    def candidate_inputs(self, signature: str) -> Infos:
        """The candidates' raw features among a scoring signature's inputs."""
        inputs = inputs_of(self._inputs, signature, self.version)
        others = {contract.state_name(inputs)} | self.user_inputs().keys()
        return {name: info for name, info in inputs.items() if name not in others}


def inputs_of(inputs: dict[str, Infos], signature: str, version: int) -> Infos:
    """The inputs of a signature.

    Raises:
        ValueError: The model has no such signature.
    """
    if signature not in inputs:
        known = ", ".join(sorted(inputs))
        raise ValueError(
            f"Version {version} has no signature '{signature}', only {known}: is it an srp4ctr "
            "model of this release?"
        )
    return inputs[signature]
