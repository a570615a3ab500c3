"""Values that make a column another one than it seems: what to say of them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from preprocessing.hints import shortened

_LITERAL = r"^\s*(\[.*\]|\{.*\})\s*$"
_NEARLY_ALL = 0.95
_MOST_WORDS = 3
_SHOWN = 2


def are_literals(values: pa.Array) -> bool:
    """Whether nearly all of a column's strings are lists or structures of Python or JSON.

    Args:
        values: Strings [rows], "" where absent.
    """
    known = pc.sum(pc.not_equal(values, "")).as_py() or 0
    literals = pc.sum(pc.match_substring_regex(values, _LITERAL)).as_py() or 0
    return known > 0 and literals >= _NEARLY_ALL * known


def literal_reason(values: pa.Array) -> str:
    """Why a column of such strings is left out."""
    example = values.filter(pc.not_equal(values, ""))[0].as_py()
    return (
        f"it has lists or structures as text, such as {shortened(example)!r}, each of which would "
        f"be one word: write a|b (kind: multivalent), or JSON lines or Parquet, which have lists"
    )


def marker_doubt(name: str, words: Mapping[str, int]) -> str:
    """What to say of a column of numbers among which some words mean that there is none.

    Args:
        name: The column's.
        words: How many rows have each.
    """
    found = " and ".join(f"'{word}' in {count:,} rows" for word, count in words.items())
    return (
        f"Column {name!r} has numbers, and {found}: where a number is needed, that is an absent "
        f"value (events.absent)."
    )


def few_words_doubt(name: str, values: pa.Array, is_word: np.ndarray) -> str:
    """What to say of a column nearly all of whose values are numbers; "" of others.

    Args:
        name: The column's.
        values: Strings [rows], "" where absent.
        is_word: bool [rows], where they are no numbers.
    """
    known = pc.sum(pc.not_equal(values, "")).as_py() or 0
    if is_word.sum() > (1 - _NEARLY_ALL) * known:
        return ""
    words = pc.unique(values.filter(pa.array(is_word))).to_pylist()
    if len(words) > _MOST_WORDS:
        return ""
    shown = " and ".join(repr(shortened(word)) for word in words[:_SHOWN])
    return (
        f"Column {name!r} is taken for words, as {int(is_word.sum()):,} of its {known:,} values "
        f"are no numbers, such as {shown}. If these mean that there is none, name them in "
        f"events.absent, and make the column's kind numeric."
    )
