"""What BlessingGate's artifacts say, for the resolvers that look for earlier models."""

from __future__ import annotations

from collections.abc import Iterable

from tfx import types
from tfx.components.evaluator import constants

# The custom property that tells a gate's blessing from an Evaluator's. An Evaluator's says nothing
# of the data that the model learned from.
FINAL = "final"
SPAN = "span"  # the newest day that the model's records cover
MODEL_ID = constants.ARTIFACT_PROPERTY_CURRENT_MODEL_ID_KEY
BLESSED = constants.ARTIFACT_PROPERTY_BLESSED_KEY


def blessings_by_model(artifacts: Iterable[types.Artifact]) -> dict[int, types.Artifact]:
    """The gate's blessings of models that it blessed, by the model's artifact id."""
    found = {}
    for artifact in artifacts:
        is_final = artifact.get_int_custom_property(FINAL) == 1
        is_blessed = artifact.get_int_custom_property(BLESSED) == 1
        if is_final and is_blessed:
            found[artifact.get_int_custom_property(MODEL_ID)] = artifact
    return found
