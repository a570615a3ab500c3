"""What Predict asks of a loaded model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pytest
from tensorflow.core.protobuf import meta_graph_pb2
from tensorflow_serving.apis import predict_pb2

from serving import contract, tensors
from serving.server.predict import predict

OUTPUTS = {"click": [0.5], "order": [0.25]}


class RecordingSession:
    """Keeps what was fetched."""

    def __init__(self) -> None:
        signature = meta_graph_pb2.SignatureDef(method_name="tensorflow/serving/predict")
        signature.inputs["x"].name = "x:0"
        for name in OUTPUTS:
            signature.outputs[name].name = f"{name}:0"
        self.signatures = {contract.SERVING_DEFAULT: signature}
        self.fetched: list[tuple[str, ...]] = []

    def run(
        self, signature: object, feeds: Mapping[str, object], fetches: Sequence[str]
    ) -> list[np.ndarray]:
        self.fetched.append(tuple(fetches))
        return [np.array(OUTPUTS[name.removesuffix(":0")], np.float32) for name in fetches]

    def close(self) -> None:
        """Nothing to free."""


@pytest.mark.parametrize("wanted", [["click"], ["order"], ["click", "order"], ["order", "click"]])
def test_an_output_filter_makes_the_runtime_keep_no_further_graph(wanted: list[str]) -> None:
    session = RecordingSession()
    for output_filter in ([], wanted):
        request = predict_pb2.PredictRequest(output_filter=output_filter)
        tensors.write(np.array([1], np.float32), request.inputs["x"])
        response = predict(session, request, version=1)
    found = {name: tensors.read(proto).tolist() for name, proto in response.outputs.items()}
    assert found == {name: OUTPUTS[name] for name in wanted}
    assert len(set(session.fetched)) == 1
