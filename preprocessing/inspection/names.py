"""What a column's name says of its role."""

from __future__ import annotations

import re
import unicodedata

_ID = r"(_?(id|ids|no|nr|num|number|key|code|hash))?"


def _words(pattern: str) -> str:
    """A pattern of whole words of a name in snake case, with or without an `id` after them."""
    return rf"(^|_)({pattern}){_ID}(_|$)"


KEYS = {
    "user": _words(
        "user|member|customer|household|visitor|client|account|shopper|reader|viewer|cookie|uid"
    ),
    "item": _words(
        "item|product|movie|film|article|news|adgroup|ad|sku|song|track|video|book|hotel|listing"
        "|offer|creative|asin|iid"
    ),
    "request": _words("request|impression|basket|search|query|slate|page_?view|req"),
}
LISTS = (
    r"(^|_)(impressions|shown|displayed|slate|candidates|results|listings|recommend\w*|items)(_|$)"
)
SESSION = _words("session|visit")
OUTCOME = (
    r"(^|_)(click\w*|clk|label|buy|buys|bought|purchas\w*|order|orders|ordered|like|liked|likes"
    r"|conver\w*|target|outcome|booked|booking|reserved|reward|response|engaged|installed"
    r"|subscribed|complet\w*|finished|watched|opened|added|cart|chosen|selected|dwell\w*|revenue)"
    r"(_|$)"
)
_DENIED = r"(^|_)(no|not|non|without|dislike\w*|unlike\w*)(_|$)"
RATING = r"(^|_)(ratings?|score|stars)(_|$)"
BEHAVIOR = r"^((\w+_)?(behaviou?r|action|event|interaction|activity)(_?(type|name|kind))?|type)$"
# What is known of an item when it is shown, and differs from one time to the next.
SHOWN = (
    r"(^|_)(position|pos|rank|place|slot|prices?|costs?|discounts?|display\w*|badge|sponsored|"
    r"promot\w*|promo|carousel)(_|$)"
)
AMOUNT = r"(^|_)(prices?|costs?|discounts?)(_|$)"
ODD_TIME = (
    r"(^|_)(sign_?up|birth\w*|regist\w*|joined|released?|publish\w*|updated?|modified|"
    r"expir\w*|valid|launch\w*)(_|$)"
)


def in_snake_case(name: str) -> str:
    """A name's words in lower case and without accents, joined with `_`; memberId has two."""
    # Apart from their letters, accents are characters that go with all others that aren't letters.
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    parted = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", plain)
    return re.sub(r"[^a-z0-9]+", "_", parted.lower()).strip("_")


def has_words(pattern: str, name: str) -> bool:
    """Whether a column's name has a pattern's words."""
    return re.search(pattern, in_snake_case(name)) is not None


def names_outcome(name: str) -> bool:
    """Whether a column's name is one of what became of an item, rather than of what didn't."""
    return has_words(OUTCOME, name) and not has_words(_DENIED, name)
