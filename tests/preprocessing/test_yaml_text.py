"""YAML is read as PyYAML reads it, but for keys that stand twice in a mapping: they are refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from preprocessing.config import ConfigError, read_mapping
from preprocessing.yaml_text import RepeatedKeyError, parse_yaml


@pytest.mark.parametrize(
    ("text", "key", "first", "second"),
    [
        ("a: 1\nb: 2\na: 3", "a", 1, 3),
        ("tasks:\n  buy: {}\n  click: {}\n  buy: {}", "buy", 2, 4),
        ("x: {a: 1, a: 1}", "a", 1, 1),
        ("- {}\n- a: 1\n  'a': 2", "a", 2, 3),
        ("1: a\n1: b", "1", 1, 2),
    ],
)
def test_a_key_twice_is_named_with_both_lines(text: str, key: str, first: int, second: int) -> None:
    expected = f"the key {key} is given twice in one mapping, in line {first} and in line {second},"
    with pytest.raises(RepeatedKeyError, match=expected):
        parse_yaml(text)


def test_equal_keys_of_several_mappings_and_merged_ones_are_none() -> None:
    text = "base: &base {a: 1, b: 2}\nown: {<<: *base, a: 3}\nagain: {<<: *base}\n1: x\n'1': y"
    assert parse_yaml(text) == {
        "base": {"a": 1, "b": 2},
        "own": {"a": 3, "b": 2},
        "again": {"a": 1, "b": 2},
        1: "x",
        "1": "y",
    }


def test_a_file_with_a_key_twice_is_a_wrong_configuration(tmp_path: Path) -> None:
    (tmp_path / "shop.yaml").write_text("dataset: {}\ntrainer: {}\ndataset: {}\n")
    with pytest.raises(ConfigError, match=r"shop\.yaml: the key dataset is given twice"):
        read_mapping(tmp_path / "shop.yaml")
