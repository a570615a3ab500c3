"""Tensors as JSON values."""

from __future__ import annotations

import json

import numpy as np
import pytest

from serving.server.errors import RequestError
from serving.server.rest import json_values


def test_float32_gets_its_shortest_decimal() -> None:
    assert (
        json.dumps(json_values.to_json("x", np.array([[0.1, 3, 1e-7]], np.float32)))
        == "[[0.1, 3.0, 1e-07]]"
    )


def test_bytes_outputs_are_base64() -> None:
    array = np.array([b"\xff\0"], object)
    assert json_values.to_json("x_bytes", array) == [{"b64": "/wA="}]
    assert json_values.to_json("x", array)[0].encode(errors="surrogateescape") == b"\xff\0"


def test_values_out_of_range_are_refused() -> None:
    int8 = 6
    assert json_values.parse_tensor([[1], [-128]], int8) == ([2, 1], [1, -128])
    with pytest.raises(RequestError, match="not of expected type: int8"):
        json_values.parse_tensor([200], int8)


def test_booleans_are_no_numbers() -> None:
    with pytest.raises(RequestError, match="Type: True is not of expected type: float"):
        json_values.parse_tensor(True, 1)


def test_half_cannot_be_written() -> None:
    with pytest.raises(RequestError, match="tensor type: half"):
        json_values.to_json("x", np.array([1], np.float16))
