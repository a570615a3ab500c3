"""Keys without what two systems may write differently.

They are for noticing that keys mean the same, never for joining tables.
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc


def normal_keys(keys: pa.Array) -> pa.Array:
    """Strings without spaces around them, leading zeros and a final `.0`, in lower case."""
    trimmed = pc.utf8_lower(pc.utf8_trim_whitespace(keys))
    whole = pc.replace_substring_regex(trimmed, pattern=r"\.0+$", replacement="")
    return pc.utf8_ltrim(whole, characters="0")
