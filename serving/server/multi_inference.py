"""MultiInference: several classifications and regressions of the same tf.Examples."""

from __future__ import annotations

from collections.abc import Sequence

import grpc
from tensorflow_serving.apis import inference_pb2

from serving.server import classify, examples, regress
from serving.server.errors import RequestError, invalid_argument
from serving.server.session import ModelSession
from serving.server_options import RequestLimits


def multi_inference(
    session: ModelSession,
    request: inference_pb2.MultiInferenceRequest,
    version: int,
    limits: RequestLimits,
) -> inference_pb2.MultiInferenceResponse:
    """Answers a MultiInferenceRequest, whichever model it names.

    TensorFlow Serving runs all signatures at once; here they run one after the other, on the same
    version.

    Raises:
        RequestError: As TensorFlow Serving has it, with the same code and message.
    """
    _check_tasks(session, request.tasks)
    rows = examples.serialized_examples(request.input, limits)
    response = inference_pb2.MultiInferenceResponse()
    for task in request.tasks:
        outputs = examples.run(session, examples.signature_name(task.model_spec), rows)
        result = response.results.add()
        examples.fill_spec(result.model_spec, task.model_spec, version)
        if task.method_name == classify.METHOD:
            classify.fill_result(outputs, len(rows), result.classification_result)
        else:
            regress.fill_result(outputs, len(rows), result.regression_result)
    return response


def _check_tasks(session: ModelSession, tasks: Sequence[inference_pb2.InferenceTask]) -> None:
    seen: set[str] = set()
    for task in tasks:
        if not task.model_spec.name:
            raise invalid_argument("Found ModelSpec with an empty model name.")
        if task.model_spec.name != tasks[0].model_spec.name:
            raise invalid_argument(
                "All ModelSpecs in a MultiInferenceRequest must access the same model name."
            )
        name = examples.signature_name(task.model_spec)
        if name in seen:
            raise invalid_argument(f"Duplicate evaluation of signature: {name}")
        seen.add(name)
        signature = examples.find_signature(
            session, name, "Requested signature not found in model graph"
        )
        if task.method_name == classify.METHOD:
            classify.check_signature(signature)
        elif task.method_name == regress.METHOD:
            regress.check_signature(signature)
        else:
            message = f"Unsupported signature method_name: {task.method_name}"
            raise RequestError(grpc.StatusCode.UNIMPLEMENTED, message)
