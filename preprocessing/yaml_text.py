"""Reads YAML, and refuses a key that stands twice in one mapping.

A YAML parser keeps the last of the two without a word.
"""

from __future__ import annotations

from typing import Any

import yaml

# `<<` takes over the keys of another mapping; given twice, it takes over those of both.
_MERGE = "tag:yaml.org,2002:merge"


class RepeatedKeyError(ValueError):
    """A key stands twice in one mapping; the message names it and both lines."""


def parse_yaml(text: str) -> Any:
    """What a YAML text holds.

    Raises:
        RepeatedKeyError: a mapping has a key twice.
        yaml.YAMLError: the text isn't YAML.
    """
    return yaml.load(text, Loader=_Loader)


class _Loader(yaml.SafeLoader):
    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        node: yaml.MappingNode = super().compose_mapping_node(anchor)
        lines: dict[tuple[str, str], int] = {}
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode) or key.tag == _MERGE:
                continue
            line = key.start_mark.line + 1
            name = (key.tag, key.value)
            if name in lines:
                raise RepeatedKeyError(
                    f"the key {key.value} is given twice in one mapping, in line {lines[name]} and "
                    f"in line {line}, and only one would count. Keep one of them."
                )
            lines[name] = line
        return node
