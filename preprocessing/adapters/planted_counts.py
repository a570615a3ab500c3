"""Generated logs of pages whose clicks follow from counts and from order, with known chances.

So the best that any model could reach is known: the AUC of the chances themselves. Three kinds of
sites differ in how long items live, how large pages are and whether users meet an item again.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

START = 1_700_006_400  # 2023-11-15 00:00 UTC
DAYS = 40
_HOURS = 24 * DAYS
CATEGORIES = 8
_USERS = 400
_PAGES = 12_000
BASE_LOGIT = -2.5  # of an item with nothing for or against it: about one click in 13


class Row(NamedTuple):
    """A candidate of a page; `chance` is that of its click."""

    user_id: str
    item_id: str
    category: str
    timestamp: int
    request_id: str
    clicked: int
    chance: str


class Site(NamedTuple):
    """What differs from one kind of site to another.

    Attributes:
        page: Items on a page.
        alive: Items that there are at a time.
        life: Hours that an item lives, on average.
        again: The share of a page that the user has clicked before, where there is so much.
        met: What having clicked the item before adds to the logit.
        taste: What the user's own category adds.
        follows: What the category adds that comes after that of the latest click.
        drift: How far an item's logit moves in an hour, as a standard deviation.
        pages: How many pages a session has on average, minutes apart.
    """

    page: int
    alive: int
    life: float
    again: float
    met: float
    taste: float
    follows: float
    drift: float
    pages: float


SHOP = Site(
    page=10, alive=120, life=600, again=0.3, met=1.6, taste=0.8, follows=1.0, drift=0.02, pages=2
)
NEWS = Site(
    page=25, alive=60, life=30, again=0.0, met=-3.0, taste=0.8, follows=1.0, drift=0.05, pages=2
)
TRAVEL = Site(
    page=25, alive=300, life=2000, again=0.2, met=2.5, taste=0.5, follows=0.5, drift=0.02, pages=6
)


def build(path: Path, site: Site, pages: int = _PAGES, seed: int = 7) -> None:
    """Writes a site's log as CSV; the same arguments give the same file."""
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(Row._fields)
        writer.writerows(rows(site, pages, seed))


class _Items:
    """The items of a site, of which some leave and others come each hour."""

    def __init__(self, site: Site, rng: np.random.Generator) -> None:
        self._site = site
        self._rng = rng
        self._made = site.alive
        self.numbers = np.arange(site.alive)
        self.categories = rng.integers(CATEGORIES, size=site.alive)
        self.popularity = rng.normal(size=site.alive)

    def pass_an_hour(self) -> None:
        """Some items are replaced, the popularity of all drifts."""
        site = self._site
        self.popularity += self._rng.normal(scale=site.drift, size=site.alive)
        self.popularity *= 1 / np.sqrt(1 + site.drift**2)  # it stays as wide as it was
        gone = self._rng.random(site.alive) < 1 / site.life
        count = int(gone.sum())
        self.numbers[gone] = np.arange(self._made, self._made + count)
        self.categories[gone] = self._rng.integers(CATEGORIES, size=count)
        self.popularity[gone] = self._rng.normal(size=count)
        self._made += count


def rows(site: Site, pages: int, seed: int) -> Iterator[Row]:
    """Generates the rows of a log, page after page, in the order of time.

    The chance that an item of a page is clicked is the logistic function of the sum of: its own
    popularity, which drifts; whether its category is the user's own; whether its category follows
    that of the user's latest click; whether the user has clicked it before; and a constant. Clicks
    are drawn apart for each item of a page. A page's rows are in the order of their ids, as records
    have events of one time: so the last click of a page is the last of a history as well.

    Args:
        site: What kind of site it is.
        pages: How many pages there are.
        seed: Of everything that is random.
    """
    rng = np.random.default_rng(seed)
    items = _Items(site, rng)
    following = rng.permutation(CATEGORIES)
    tastes = rng.integers(CATEGORIES, size=_USERS)
    clicked: list[set[int]] = [set() for _ in range(_USERS)]
    latest = np.full(_USERS, -1)  # the category of a user's latest click
    hour = 0
    for number, (time, user) in enumerate(_visits(site, pages, rng)):
        while hour < time // 3600:
            items.pass_an_hour()
            hour += 1
        shown = _shown(site, items, clicked[user], rng)
        categories = items.categories[shown]
        met = np.array([item in clicked[user] for item in items.numbers[shown].tolist()])
        logits = BASE_LOGIT + items.popularity[shown] + site.taste * (categories == tastes[user])
        logits += site.met * met
        if latest[user] >= 0:
            logits += site.follows * (categories == following[latest[user]])
        chances = 1 / (1 + np.exp(-logits))
        is_clicked = rng.random(len(shown)) < chances
        for place, item in enumerate(items.numbers[shown].tolist()):
            yield Row(
                user_id=f"u{user}",
                item_id=_id(item),
                category=f"c{categories[place]}",
                timestamp=START + time,
                request_id=f"q{number}",
                clicked=int(is_clicked[place]),
                chance=f"{chances[place]:.5f}",
            )
        clicked[user].update(items.numbers[shown[is_clicked]].tolist())
        if is_clicked.any():
            latest[user] = categories[np.flatnonzero(is_clicked)[-1]]


def _visits(site: Site, pages: int, rng: np.random.Generator) -> list[tuple[int, int]]:
    """Times of pages, seconds from the start, and their users, in the order of time.

    No user has two pages at one time.
    """
    visits: set[tuple[int, int]] = set()
    while len(visits) < pages:
        user = int(rng.integers(_USERS))
        time = int(rng.integers(_HOURS * 3600))
        for _ in range(int(rng.geometric(1 / site.pages))):
            if time < _HOURS * 3600:
                visits.add((time, user))
            time += int(rng.integers(60, 600))
    return sorted(visits)[:pages]


def _shown(site: Site, items: _Items, clicked: set[int], rng: np.random.Generator) -> np.ndarray:
    """The places of a page's items by id: some that the user has clicked, the rest at random."""
    own = np.flatnonzero([item in clicked for item in items.numbers.tolist()])
    again = min(int(rng.binomial(site.page, site.again)), len(own))
    first = rng.choice(own, again, replace=False)
    others = np.setdiff1d(np.arange(site.alive), first)
    rest = rng.choice(others, site.page - again, replace=False)
    shown = np.concatenate([first, rest]).astype(np.int64)
    return shown[np.argsort([_id(item) for item in items.numbers[shown].tolist()])]


def _id(item: int) -> str:
    """An item's id."""
    return f"i{item}"
