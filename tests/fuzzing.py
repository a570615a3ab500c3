"""Hostile Predict requests, made from good ones with a seed, and a client that sends them to a
server of its own."""

from __future__ import annotations

import random
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import tensorflow as tf
from google.protobuf.message import DecodeError
from tensorflow_serving.apis import predict_pb2, prediction_log_pb2

from serving import contract

PROPER = {
    grpc.StatusCode.OK,
    grpc.StatusCode.INVALID_ARGUMENT,
    grpc.StatusCode.NOT_FOUND,
    grpc.StatusCode.FAILED_PRECONDITION,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
    grpc.StatusCode.OUT_OF_RANGE,
    grpc.StatusCode.UNIMPLEMENTED,
}
_NUMBERS = (0, 1, -1, 2, 7, 1000, 2**31 - 1, 2**31, -(2**31), 2**40, 2**62, 2**63 - 1, -(2**63))
_STRINGS = (
    b"",
    b"\0",
    b"\xff\xfe",
    b"x" * 100_000,
    b"|" * 1000,
    "\u202e\U0001f600".encode(),
    b"NaN",
    b"-1",
)
_LISTS = (
    "float_val",
    "double_val",
    "int_val",
    "int64_val",
    "bool_val",
    "string_val",
    "half_val",
    "uint64_val",
)
_FIELDS = {
    "bytes_list": tf.train.BytesList,
    "int64_list": tf.train.Int64List,
    "float_list": tf.train.FloatList,
}


class Fuzzer:
    """Makes hostile requests.

    Args:
        good: Requests that succeed, by any signature.
        seed: The same seed makes the same requests.
    """

    def __init__(self, good: list[Any], seed: int) -> None:
        self._good = [request.SerializeToString() for request in good]
        self._rng = random.Random(seed)

    def next(self) -> tuple[str, bytes]:
        """The kind of a request, and its bytes, which may be no message at all."""
        rng = self._rng
        if rng.random() < 0.1:
            return "message", self._damaged(rng.choice(self._good))
        request = predict_pb2.PredictRequest.FromString(rng.choice(self._good))
        kinds: list[Callable[[Any], None]] = [
            self._shape,
            self._values,
            self._dtype,
            self._content,
            self._names,
        ]
        kinds += [self._spec] + [self._blob] * 3
        kind = rng.choice(kinds)
        for _ in range(rng.choice((1, 1, 1, 2, 5))):
            kind(request)
        return kind.__name__.strip("_"), request.SerializeToString()

    def _tensor(self, request: Any) -> Any:
        names = sorted(request.inputs)
        return request.inputs[self._rng.choice(names)] if names else request.inputs["x"]

    def _shape(self, request: Any) -> None:
        shape = self._tensor(request).tensor_shape
        rng = self._rng
        choice = rng.randrange(5)
        if choice == 0:
            shape.unknown_rank = True
        elif choice == 1 or not shape.dim:
            for _ in range(rng.choice((1, 2, 33, 300, 60_000))):
                shape.dim.add(size=rng.choice(_NUMBERS))
        elif choice == 2:
            del shape.dim[rng.randrange(len(shape.dim))]
        else:
            rng.choice(shape.dim).size = rng.choice(_NUMBERS)

    def _values(self, request: Any) -> None:
        proto = self._tensor(request)
        rng = self._rng
        values = getattr(proto, rng.choice(_LISTS))
        kind = type(values).__name__
        for _ in range(rng.choice((1, 3, 1000))):
            number = rng.choice((0, 1, -1, 2**31 - 1, 127))
            for value in (
                number,
                abs(number),
                bool(number),
                rng.choice((b"", b"x", b"\xff")),
                float("nan"),
            ):
                try:
                    values.append(value)
                    break
                except (TypeError, ValueError):
                    continue
            else:
                raise AssertionError(f"nothing fits into {kind}")

    def _dtype(self, request: Any) -> None:
        self._tensor(request).dtype = self._rng.randrange(0, 27)

    def _content(self, request: Any) -> None:
        proto = self._tensor(request)
        rng = self._rng
        content = proto.tensor_content or b"".join(proto.string_val)
        proto.tensor_content = rng.choice(
            (self._damaged(content), rng.randbytes(rng.randrange(64)), b"\xff" * 8)
        )

    def _names(self, request: Any) -> None:
        rng = self._rng
        if request.inputs and rng.random() < 0.5:
            del request.inputs[rng.choice(sorted(request.inputs))]
        else:
            request.inputs[
                rng.choice(("", "x", "candidate_item_id", "user_state_bytes", "y" * 5000))
            ].dtype = 7

    def _spec(self, request: Any) -> None:
        spec = request.model_spec
        rng = self._rng
        choice = rng.randrange(5)
        if choice == 0:
            spec.name = rng.choice(("", "x" * 10_000, "\0", "../../etc"))
        elif choice == 1:
            spec.version.value = rng.choice(_NUMBERS)
        elif choice == 2:
            spec.version_label = rng.choice(("", "canary", "y" * 10_000))
        elif choice == 3:
            spec.signature_name = rng.choice(("zz", "z" * 10_000, "predict", "score_items"))
        else:
            request.output_filter.append(rng.choice(("click", "click", "nope", "f" * 5000)))

    def _blob(self, request: Any) -> None:
        """A damaged, foreign or made-up string where there was one: a state, an Example, an id."""
        rng = self._rng
        protos = [proto for proto in request.inputs.values() if proto.string_val]
        if not protos:
            return self._content(request)
        values = rng.choice(protos).string_val
        place = rng.randrange(len(values))
        blob = values[place]
        values[place] = rng.choice(
            (self._damaged(blob), self._example(blob), self._forged(blob), rng.choice(_STRINGS))
        )
        return None

    def _damaged(self, data: bytes) -> bytes:
        """Cut, extended, or with some bits flipped."""
        rng = self._rng
        if not data or rng.random() < 0.3:
            return data[: rng.randrange(len(data) + 1)]
        if rng.random() < 0.2:
            return data + rng.randbytes(rng.choice((1, 8, 1000)))
        damaged = bytearray(data)
        for _ in range(rng.choice((1, 2, 30))):
            damaged[rng.randrange(len(damaged))] ^= 1 << rng.randrange(8)
        return bytes(damaged)

    def _forged(self, state: bytes) -> bytes:
        """A state whose checksum is right and whose numbers aren't."""
        rng = self._rng
        header = 16  # bytes: magic and checksum
        body = bytearray(state[header:])
        for _ in range(rng.choice((1, 5))):
            if len(body) >= 4:
                place = rng.randrange(len(body) - 3)
                body[place : place + 4] = rng.choice(
                    (b"\xff" * 4, b"\0\0\xc0\x7f", b"\xff\xff\x7f\x7f", b"\xff\xff\0\0")
                )
        checksum = tf.strings.to_hash_bucket_fast([bytes(body)], 10**12).numpy()[0]
        return state[:4] + f"{checksum:012d}".encode() + bytes(body)

    def _example(self, blob: bytes) -> bytes:
        """A tf.Example with other lengths, kinds or values, or `blob` damaged if it is none."""
        rng = self._rng
        example = tf.train.Example()
        try:
            example.ParseFromString(blob)
        except DecodeError:
            return self._damaged(blob)
        if not example.features.feature:
            return self._damaged(blob)
        feature = example.features.feature[rng.choice(sorted(example.features.feature))]
        name = rng.choice(sorted(_FIELDS))
        value = {
            "bytes_list": rng.choice(_STRINGS),
            "int64_list": rng.choice(_NUMBERS),
            "float_list": float("nan"),
        }[name]
        values = _FIELDS[name](value=[value] * rng.choice((0, 1, 3, 5000)))
        getattr(feature, name).CopyFrom(values)
        return example.SerializeToString()


def good_requests(version_dir: Path, model_name: str) -> list[Any]:
    """The warm-up requests of a version, which cover its signatures."""
    records = tf.data.TFRecordDataset(str(version_dir / contract.WARMUP_FILE)).as_numpy_iterator()
    requests = [
        prediction_log_pb2.PredictionLog.FromString(record).predict_log.request
        for record in records
    ]
    for request in requests:
        request.model_spec.name = model_name
    return requests


class FuzzedServer:
    """A connection to a model server process.

    Args:
        process_id: The process, whose memory is looked at.
        address: Its gRPC address.
        rest_address: Its REST address.
    """

    def __init__(self, process_id: int, address: str, rest_address: str) -> None:
        self.process_id = process_id
        self.address = address
        self.rest_address = rest_address
        unlimited = [(f"grpc.max_{way}_message_length", -1) for way in ("send", "receive")]
        self._channel = grpc.insecure_channel(address, options=unlimited)
        self._call = self._channel.unary_unary("/tensorflow.serving.PredictionService/Predict")

    def send(self, message: bytes) -> tuple[grpc.StatusCode, str, bytes]:
        """(status, details, answer) of a request's bytes."""
        try:
            return grpc.StatusCode.OK, "", self._call(message, timeout=60)
        except grpc.RpcError as error:
            return error.code(), error.details(), b""

    def resident_bytes(self) -> int:
        """The memory of the process."""
        pages = int(Path(f"/proc/{self.process_id}/statm").read_text().split()[1])
        return pages * 4096

    def most_resident_bytes(self) -> int:
        """The most that it ever had."""
        status = Path(f"/proc/{self.process_id}/status").read_text()
        return 1024 * int(re.search(r"VmHWM:\s+(\d+) kB", status)[1])  # type: ignore[index] # it is always there


# Gives up unread answers sooner than it would, so that nobody has to wait for it, and trims its
# memory all the time, so that what stays can be told from what is free.
_SERVER = """
import sys
from serving.server import serve, spare_memory, unread_answers
unread_answers.READ_SECONDS = 5.0
spare_memory.CHECK_SECONDS = 1.0
spare_memory.MOST_SPARE = 0
serve(sys.argv[1], sys.argv[2], 0, 0)
"""


@contextmanager
def server_process(model_dir: Path, model_name: str) -> Iterator[FuzzedServer]:
    """A local model server in a process of its own."""
    command = [sys.executable, "-c", _SERVER, str(model_dir), model_name]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    try:
        assert process.stdout is not None
        output = (line for line in process.stdout)
        found = (
            match[1]
            for line in output
            if (match := re.match(r"(?:gRPC: |REST: http://)([^\s/]+)", line))
        )
        yield FuzzedServer(process.pid, next(found), next(found))
        assert process.poll() is None, "the server died"
    finally:
        process.kill()
        process.wait()


_MOST_KEPT = 32 * 2**20  # bytes that stay
_MOST_LATE_GROWTH = 64 * 2**20  # bytes that the second half of the requests may add
_LONG = 5000  # requests


def fuzz(
    server: FuzzedServer, good: list[Any], count: int, seed: int, most_growth: int
) -> Counter[tuple[str, str]]:
    """Sends `count` hostile requests; after each fifty, every good one must get the answer it had.

    Args:
        server: Where they are sent.
        good: Requests that succeed, by any signature.
        count: How many hostile ones are made of them.
        seed: The same seed makes the same requests.
        most_growth: Bytes that the server's memory may grow by.

    Returns:
        How many of each (kind, status).

    Raises:
        AssertionError: A status isn't proper, a good request was answered otherwise, or the
            server's memory grew by more than it may, altogether or in the second half; in a long
            run also what stays of it.
    """
    fuzzer = Fuzzer(good, seed)
    found = Counter[tuple[str, str]]()
    expected = [outputs_of(server, request) for request in good]
    before = server.resident_bytes()
    halfway = 0
    lowest = most_growth  # in each tenth of the run
    for number in range(count):
        if number == count // 2:
            halfway = server.resident_bytes() - before
        kind, message = fuzzer.next()
        code, details, _ = server.send(message)
        undecodable = kind == "message" and code in (
            grpc.StatusCode.INTERNAL,
            grpc.StatusCode.UNKNOWN,
        )
        assert code in PROPER or undecodable, (
            f"request {number}, {kind}, seed {seed}: {code}: {details}"
        )
        found[kind, code.name] += 1
        if number % 50 == 49:
            for request, outputs in zip(good, expected, strict=True):
                assert outputs_of(server, request) == outputs, (
                    f"after request {number}, seed {seed}"
                )
            grown = server.resident_bytes() - before
            assert grown < most_growth, (
                f"{grown} bytes more than at the start by request {number}, seed {seed}"
            )
            assert number < count // 2 or grown - halfway < _MOST_LATE_GROWTH, (
                f"{grown - halfway} bytes more than halfway by request {number}, seed {seed}"
            )
            lowest = min(lowest, grown)
        if number % (count // 10) == count // 10 - 1 and count >= _LONG:
            print(f"  after {number + 1} requests {lowest >> 20} MiB more stay", flush=True)
            assert lowest < _MOST_KEPT, f"after {number + 1} requests, seed {seed}"
            lowest = most_growth
    return found


def outputs_of(server: FuzzedServer, request: Any) -> dict[str, Any]:
    code, details, answer = server.send(request.SerializeToString())
    assert code == grpc.StatusCode.OK, f"a good request failed: {code}: {details}"
    response = predict_pb2.PredictResponse.FromString(answer)
    return {name: tf.make_ndarray(proto).tolist() for name, proto in response.outputs.items()}
