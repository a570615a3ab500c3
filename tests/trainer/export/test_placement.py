"""On a server with a GPU each feature is copied to it once, whatever is done to it before."""

from __future__ import annotations

import pytest

from benchmarks.gpu.copies import copies
from serving import contract
from tests.trainer.conftest import Exported
from trainer.example_features import candidate_specs, user_specs

pytestmark = pytest.mark.slow


def test_encoding_copies_features_there_and_a_state_back(exported: Exported) -> None:
    found = copies(exported.loaded.signatures[contract.ENCODE_USER])
    assert 0 < found["to_device"] <= len(user_specs(exported.inputs.fields(), 1))
    assert found["to_host"] == 1


def test_scoring_copies_states_and_features_there_and_scores_back(exported: Exported) -> None:
    found = copies(exported.loaded.signatures[contract.SCORE_ITEMS])
    assert 0 < found["to_device"] <= 1 + len(candidate_specs(exported.inputs.fields(), 1))
    soundness = 1  # of the states' numbers
    assert found["to_host"] == len(exported.inputs.spec.tasks) + soundness


def test_parsing_copies_nothing(exported: Exported) -> None:
    parsed = copies(exported.loaded.signatures[contract.SERVING_DEFAULT])
    assert parsed == copies(exported.loaded.signatures[contract.PREDICT])
    assert parsed["to_host"] == len(exported.inputs.spec.tasks)
