"""What a request may take of the server's memory: values are counted before they are objects."""

from __future__ import annotations

import asyncio
import http.client
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from tensorflow_serving.apis import predict_pb2

from serving import contract, tensors
from serving.server import RequestLimits, ServerOptions
from serving.server.admission import Admission, count_cells
from serving.server.errors import RequestError
from serving.server.example_shapes import example_shapes
from serving.server.message_scan import count_values
from serving.server.rest.json_request import count_json_values
from serving.server.workers import Workers
from tests.serving import wire
from tests.serving.conftest import Connect, StartServer, Target

MANY = 2_100_000
PADDING = b"x" * 70_000  # of a message that is too long to be counted by its length alone


def request_with(fill: Callable[[Any], object]) -> bytes:
    request = predict_pb2.PredictRequest()
    request.inputs["padding"].tensor_content = PADDING
    fill(request.inputs["x"])
    return request.SerializeToString()


def repeated(field: int | None, content: bytes, count: int = MANY) -> bytes:
    """A request whose tensor `x` has a field many times over, without making the objects here."""
    proto = (
        content * count
        if field is None
        else bytes([field << 3 | 2]) + varint(len(content) * count) + content * count
    )
    entry = b"\x0a\x01x\x12" + varint(len(proto)) + proto
    return b"\x12" + varint(len(entry)) + entry


def varint(size: int) -> bytes:
    encoded = bytearray()
    while size > 127:
        encoded.append(size & 127 | 128)
        size >>= 7
    return bytes(encoded + bytes([size]))


ATTACKS = {
    "empty dims": repeated(2, b"\x12\x00"),
    "empty strings": repeated(None, b"\x42\x00"),
    "unknown fields": repeated(None, b"\xa0\x06\x01"),
    "packed numbers": repeated(7, b"\x01"),
    "booleans one by one": repeated(None, b"\x58\x01"),
    "empty variants": repeated(None, b"\x7a\x00"),
    "strings that a long one interrupts": repeated(None, b"\x42\x00\x42\x81\x00\x01"),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", ATTACKS)
def test_values_are_counted_before_they_are_objects(name: str) -> None:
    with pytest.raises(RequestError, match="has at most 1000000 values and fields"):
        count_values(ATTACKS[name], predict_pb2.PredictRequest, 1_000_000)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["empty dims", "empty strings", "packed numbers"])
def test_a_message_of_too_many_values_is_refused(local: Target, name: str) -> None:
    call = local.channel.unary_unary("/tensorflow.serving.PredictionService/Predict")
    code, message = wire.error_of(call, ATTACKS[name])
    assert code == grpc.StatusCode.INVALID_ARGUMENT and "(max_values)" in message


@pytest.mark.slow
@pytest.mark.parametrize("value", [b"[]", b"1", b"{}", b'""'])
@pytest.mark.parametrize("key", [b"instances", b"inputs"])
def test_a_document_of_too_many_values_is_refused(local: Target, key: bytes, value: bytes) -> None:
    body = b'{"%s": [%s]}' % (key, b",".join([value] * MANY))
    client = http.client.HTTPConnection(local.rest_address, timeout=wire.TIMEOUT_SECONDS)
    client.request("POST", "/v1/models/toy:predict", body)
    response = client.getresponse()
    assert response.status == 400 and b"(max_values)" in response.read()


@settings(max_examples=50)
@given(
    strings=st.lists(st.binary(max_size=300), max_size=30),
    numbers=st.lists(st.integers(-(2**40), 2**40), max_size=30),
    floats=st.integers(0, 30),
    dims=st.integers(0, 5),
)
def test_the_count_is_that_of_fields_and_values(
    strings: list[bytes], numbers: list[int], floats: int, dims: int
) -> None:
    def fill(proto: Any) -> None:
        proto.string_val.extend(strings)
        proto.int64_val.extend(numbers)
        proto.float_val.extend([1.5] * floats)
        for _ in range(dims):
            proto.tensor_shape.dim.add(size=3)

    # The two entries with key and value, the padding; a packed list, and a shape, are a field
    # besides their values.
    fields = 2 * 3 + 1 + bool(numbers) + bool(floats) + bool(dims)
    expected = fields + len(strings) + len(numbers) + floats + 2 * dims
    assert count_values(request_with(fill), predict_pb2.PredictRequest, 10_000) == expected


def test_messages_within_messages_have_an_end() -> None:
    tensor = b"\x22" + varint(len(PADDING)) + PADDING
    for _ in range(200):
        variant = b"\x1a" + varint(len(tensor)) + tensor
        tensor = b"\x7a" + varint(len(variant)) + variant
    entry = b"\x12" + varint(len(tensor)) + tensor
    with pytest.raises(RequestError, match="at most 100 messages within each other"):
        count_values(b"\x12" + varint(len(entry)) + entry, predict_pb2.PredictRequest, 1_000_000)


@given(cut=st.integers(0, 500))
def test_a_message_that_is_cut_gets_some_count(cut: int) -> None:
    whole = request_with(lambda proto: proto.string_val.extend([b"abc"] * 100))
    assert count_values(whole[: len(whole) - cut], predict_pb2.PredictRequest, 10_000) <= 120


def test_json_values_are_counted_from_above() -> None:
    assert count_json_values(b'{"a": [1, 2, {"b": []}]}', 10) == 7
    with pytest.raises(
        RequestError,
        match=r"at most 6 values \(max_values\), by its commas and brackets. Received: 7",
    ):
        count_json_values(b'{"a": [1, 2, {"b": []}]}', 6)


def inputs(**shapes: tuple[int, ...]) -> Any:
    request = predict_pb2.PredictRequest()
    for name, shape in shapes.items():
        tensors.write(np.zeros(shape, np.int64), request.inputs[name])
    return request.inputs


def test_cells_are_candidates_times_positions() -> None:
    assert count_cells(inputs(x=(5, 7)), {}) == 0
    assert count_cells(inputs(candidate_item_id=(2, 3)), {}) == 6
    many = inputs(candidate_item_id=(2, 30), candidate_price=(2, 30), history_item_id=(2, 10))
    assert count_cells(many, {}) == 600
    scored = inputs(candidate_item_id=(2, 3))
    tensors.write(np.array([b"x" * 5120, b""], object), scored[contract.USER_STATE])
    assert count_cells(scored, {}) == 60


def test_a_user_who_is_encoded_counts_as_some_candidates() -> None:
    assert count_cells(inputs(history_item_id=(2, 10)), {}) == 2 * 16 * 10
    few = inputs(candidate_item_id=(2, 3), history_item_id=(2, 10))
    assert count_cells(few, {}) == 2 * 16 * 10


def examples(*rows: dict[str, list[bytes]]) -> Any:
    """A request's tf.Examples, of lists by name."""
    blobs = []
    for row in rows:
        example = tf.train.Example()
        for name, values in row.items():
            example.features.feature[name].bytes_list.value.extend(values)
        blobs.append(example.SerializeToString())
    request = predict_pb2.PredictRequest()
    request.inputs[contract.EXAMPLES].CopyFrom(tf.make_tensor_proto(blobs))
    return request.inputs


def test_examples_have_the_shapes_of_their_longest_lists() -> None:
    found = examples({"history_item_id": [b"1"] * 5}, {"history_item_id": [b""] * 7, "x": []})
    shapes = example_shapes(found, 100)
    assert shapes == {"history_item_id": [2, 7], "x": [2, 0]}
    assert count_cells(found, shapes) == 2 * 16 * 7
    assert example_shapes(inputs(history_item_id=(2, 10)), 100) == {}


def test_an_example_that_is_repeated_counts_for_each_row() -> None:
    found = examples({"candidate_item_id": [b"1"] * 5})
    found[contract.EXAMPLES].tensor_shape.dim[0].size = 4000
    assert example_shapes(found, 100) == {"candidate_item_id": [4000, 5]}


def test_values_of_all_examples_are_counted() -> None:
    found = examples(*[{"history_item_id": [b""] * 60}] * 2)
    assert example_shapes(found, 200)
    with pytest.raises(RequestError, match=r"\(max_values\)"):
        example_shapes(found, 100)


def test_what_is_no_example_is_left_to_the_graph() -> None:
    request = predict_pb2.PredictRequest()
    request.inputs[contract.EXAMPLES].CopyFrom(tf.make_tensor_proto([b"\xff" * 10]))
    assert example_shapes(request.inputs, 100) == {}


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        ({"max_candidates": 5}, "candidate_item_id: a request has at most 5 values"),
        ({"max_history": 3}, "history_item_id: a request has at most 3 values"),
        ({"max_cells_at_once": 63}, "(max_cells_at_once). Received: 64."),
        ({"max_values": 20}, "has at most 20 values and fields"),
    ],
)
def test_examples_of_too_much_are_refused(
    model_dir: Path,
    start: StartServer,
    connect: Connect,
    limits: dict[str, Any],
    message: str,
) -> None:
    row = {"history_item_id": [b"1"] * 2, "candidate_item_id": [b"1"] * 3, "user_id": [b"1"]}
    request = wire.predict_request(contract.SERVING_DEFAULT, {})
    request.inputs[contract.EXAMPLES].CopyFrom(examples(row, row)[contract.EXAMPLES])
    options = ServerOptions(limits=RequestLimits(**limits))
    target = connect(start(model_dir, options=options))
    _, found = wire.error_of(target.prediction.Predict, request)
    assert message in found


def test_a_request_of_too_many_cells_is_refused(
    model_dir: Path, start: StartServer, connect: Connect
) -> None:
    limits = RequestLimits(max_cells_at_once=10)
    target = connect(start(model_dir, options=ServerOptions(limits=limits)))
    user = wire.USER | {"candidate_item_id": [["1"] * 3] * 2}
    features = {"candidate_price": np.zeros((2, 3), np.float32), "candidate_brand": [[""] * 3] * 2}
    code, message = wire.error_of(
        target.prediction.Predict, wire.predict_request(contract.PREDICT, user | features)
    )
    assert (
        code == grpc.StatusCode.RESOURCE_EXHAUSTED
        and "(max_cells_at_once). Received: 64." in message
    )


def test_cells_wait_for_room() -> None:
    admission = Admission(RequestLimits(max_cells_at_once=10))
    order = []

    def second() -> None:
        with admission.cells(5):
            order.append("second")

    with admission.cells(6):
        thread = threading.Thread(target=second)
        thread.start()
        thread.join(0.05)
        order.append("first")
    thread.join()
    assert order == ["first", "second"]


def test_what_nobody_waits_for_any_more_waits_for_no_room() -> None:
    admission = Admission(RequestLimits(max_cells_at_once=10))
    begun = threading.Event()
    computed: list[int] = []

    def compute() -> None:
        begun.set()
        with admission.cells(5):
            computed.append(5)

    async def cancel_one() -> None:
        workers = Workers("test", threads=1, max_waiting=1)
        ended = asyncio.Event()
        call = asyncio.create_task(workers.run(compute, ended=ended.set))
        while not begun.is_set():
            await asyncio.sleep(0.001)
        call.cancel()
        await asyncio.wait_for(ended.wait(), wire.TIMEOUT_SECONDS)
        assert call.cancelled()
        workers.close()

    with admission.cells(6):
        asyncio.run(cancel_one())
    assert not computed
    with admission.cells(10):  # nothing is held for it
        pass


def test_values_do_not_wait() -> None:
    admission = Admission(RequestLimits(max_values_at_once=10))
    with (
        admission.values(6),
        pytest.raises(RequestError, match="requests with 6 values are being answered"),
    ):
        admission.values(5).__enter__()
    with admission.values(10):
        pass
