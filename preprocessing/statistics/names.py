"""The words that keys of the statistics table are made of; see preprocessing/statistics/table.py."""

from __future__ import annotations

SEPARATOR = "\x1f"  # between the parts of a key; no text that people write has it
OF, ITEM = "of", "item"
