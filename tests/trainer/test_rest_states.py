"""User states over REST, by a client that knows nothing but HTTP and JSON."""

import json
import urllib.request
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from preprocessing.features import candidate_inputs, user_inputs
from serving import contract
from serving.server import ModelServer
from tests.testing_trainer import dense_inputs
from tests.trainer.conftest import Exported, Toy

pytestmark = pytest.mark.slow


def _post(url: str, document: dict[str, Any]) -> Any:
    request = urllib.request.Request(url, json.dumps(document).encode())
    with urllib.request.urlopen(request, timeout=60) as response:
        return json.load(response)


def _listed(tensor: tf.Tensor) -> list[Any]:
    """A tensor as JSON takes it."""
    values = tensor.numpy()
    if tensor.dtype == tf.string:
        values = np.vectorize(bytes.decode, otypes=[object])(values)
    listed: list[Any] = values.tolist()
    return listed


def test_states_travel_as_base64(toy: Toy, exported: Exported, toy_server: ModelServer) -> None:
    raws = toy.raw["validation"][:3]
    user = dense_inputs(user_inputs(toy.spec), raws)
    items = dense_inputs(candidate_inputs(toy.spec), raws)[contract.CANDIDATE_ITEM_ID]
    url = f"http://127.0.0.1:{toy_server.rest_port}/v1/models/toy:predict"
    inputs = {name: _listed(tensor) for name, tensor in user.items()}
    states = _post(url, {"signature_name": contract.ENCODE_USER, "inputs": inputs})["outputs"]
    columns = {contract.USER_STATE: states, contract.CANDIDATE_ITEM_ID: _listed(items)}
    scores = _post(url, {"signature_name": contract.SCORE_ITEMS, "inputs": columns})["outputs"]
    rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    by_row = _post(url, {"signature_name": contract.SCORE_ITEMS, "instances": rows})["predictions"]
    assert all(state.keys() == {"b64"} for state in states)
    candidates = {contract.CANDIDATE_ITEM_ID: items}
    expected = exported(
        contract.SCORE_ITEMS, **exported(contract.ENCODE_USER, **user), **candidates
    )
    for task, values in expected.items():
        np.testing.assert_allclose(scores[task], values, atol=1e-6)
        np.testing.assert_allclose([row[task] for row in by_row], values, atol=1e-6)
