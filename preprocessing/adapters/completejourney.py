"""Makes an impression log of The Complete Journey's purchases and promotions.

A request is a basket. Its candidates are products that were promoted (on display or in the mailer)
in the basket's store in the basket's week, labelled by whether they are in the basket; every
purchase, promoted or not, is an event of the household's history.

- Only products that some household bought in an *earlier* week are candidates, bought ones like the
  others: a fifth of the promoted products is never bought in the whole year, and leaving those out
  by looking at the whole year would tell the future. So the first week has no candidates.
- Only baskets with a bought candidate become requests; in the others nothing can be ranked.
- Of the candidates that were not bought (about 2,300 a basket), those with the `NOT_BOUGHT`
  smallest hashes of basket and product are kept: a uniform sample, the same on every machine. AUC
  is that of all of them, up to noise; label rate and calibration are those of the sample.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from preprocessing.histories import is_run_start
from preprocessing.tables import mix
from preprocessing.whole_files import whole_file

NOT_BOUGHT = 10
_WEEKS = 64  # more than there are; makes one key of store and week
_NEVER = 1 << 30
_BLOCK = 1 << 17


@dataclasses.dataclass(frozen=True)
class _Promotions:
    """Promoted products by store and week, distinct, sorted.

    Attributes:
        place: int64 [P], `store * _WEEKS + week`.
        product: int64 [P], sorted within a place.
        display: Strings [P], where in the store.
        mailer: Strings [P], where in the mailer.
    """

    place: np.ndarray
    product: np.ndarray
    display: pa.Array
    mailer: pa.Array

    @classmethod
    def of(cls, table: pa.Table, first_week: dict[str, np.ndarray]) -> _Promotions:
        """Promotions of products that were first bought before the week."""
        product = table.column("product_id").to_numpy()
        week = table.column("week").to_numpy()
        place = table.column("store_id").to_numpy() * _WEEKS + week
        known = first_week["product"]
        row = np.minimum(np.searchsorted(known, product), len(known) - 1)
        first = np.where(known[row] == product, first_week["week"][row], _NEVER)
        kept = np.flatnonzero(first < week)
        kept = kept[np.lexsort((product[kept], place[kept]))]
        kept = kept[is_run_start(place[kept], product[kept])]
        display = pc.take(table.column("display_location"), pa.array(kept))
        mailer = pc.take(table.column("mailer_location"), pa.array(kept))
        return cls(
            place[kept],
            product[kept],
            pa.concat_arrays(display.chunks),
            pa.concat_arrays(mailer.chunks),
        )

    def find(self, place: np.ndarray, product: np.ndarray) -> np.ndarray:
        """The row of each product at each place, -1 where it isn't promoted: int64."""
        products = np.unique(self.product)
        keys = self.place * len(products) + np.searchsorted(products, self.product)
        code = np.minimum(np.searchsorted(products, product), len(products) - 1)
        wanted = np.where(products[code] == product, place * len(products) + code, -1)
        row = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
        return np.where(keys[row] == wanted, row, -1)


def build(folder: Path) -> None:
    """Writes `log.parquet` from the package's tables in `folder`."""
    bought = _purchases(pq.read_table(folder / "transactions.parquet"))
    promoted = _Promotions.of(pq.read_table(folder / "promotions.parquet"), _first_weeks(bought))
    row = promoted.find(bought["place"], bought["product"])
    parts = [_events(promoted, bought, row, bought=1), _not_bought(promoted, bought, row)]
    with whole_file(folder / "log.parquet") as part:
        pq.write_table(pa.concat_tables(parts), part, row_group_size=_BLOCK)


def _purchases(table: pa.Table) -> dict[str, np.ndarray]:
    """Distinct products of each basket, sorted by basket and product."""
    product = table.column("product_id").to_numpy()
    basket = table.column("basket_id").to_numpy()
    order = np.lexsort((product, basket))
    order = order[is_run_start(basket[order], product[order])]
    times = pc.cast(table.column("transaction_timestamp"), pa.timestamp("s"), safe=False)
    columns = {
        "household": table.column("household_id").to_numpy(),
        "product": product,
        "basket": basket,
        "store": table.column("store_id").to_numpy(),
        "week": table.column("week").to_numpy(),
        "time": pc.cast(times, pa.int64()).to_numpy(),
    }
    columns["place"] = columns["store"] * _WEEKS + columns["week"]
    return {name: values[order] for name, values in columns.items()}


def _first_weeks(bought: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The week in which each product was first bought; products are distinct and sorted."""
    order = np.lexsort((bought["week"], bought["product"]))
    product, first = np.unique(bought["product"][order], return_index=True)
    return {"product": product, "week": bought["week"][order][first]}


def _not_bought(promoted: _Promotions, bought: dict[str, np.ndarray], row: np.ndarray) -> pa.Table:
    """The sample of candidates that were not bought, of every basket with one that was."""
    asked = np.unique(bought["basket"][row >= 0])
    starts = np.searchsorted(bought["basket"], asked)
    stops = np.searchsorted(bought["basket"], asked, side="right")
    rows: list[np.ndarray] = []
    for start, stop in zip(starts, stops, strict=True):
        place = bought["place"][start]
        first, last = np.searchsorted(promoted.place, [place, place + 1])
        pool = np.setdiff1d(np.arange(first, last), row[start:stop], assume_unique=True)
        hashes = _hash(promoted.product[pool], bought["basket"][start])
        if len(pool) > NOT_BOUGHT:
            pool = pool[np.argpartition(hashes, NOT_BOUGHT)[:NOT_BOUGHT]]
        rows.append(pool)
    chosen = np.concatenate(rows) if rows else np.zeros(0, np.int64)
    basket = np.repeat(starts, [len(part) for part in rows])
    columns = {name: bought[name][basket] for name in ("household", "basket", "store", "time")}
    return _events(promoted, columns | {"product": promoted.product[chosen]}, chosen, bought=0)


def _events(
    promoted: _Promotions, columns: dict[str, np.ndarray], row: np.ndarray, bought: int
) -> pa.Table:
    """Rows of the log; `row` is where each product is among the promotions, -1 where it isn't."""
    shown = row >= 0
    place = pa.array(np.where(shown, row, 0), mask=~shown)
    return pa.table(
        {
            "household_id": columns["household"],
            "product_id": columns["product"],
            "basket_id": columns["basket"],
            "store_id": columns["store"],
            "time": pa.array(columns["time"]).cast(pa.timestamp("s")),
            "display": promoted.display.take(place),
            "mailer": promoted.mailer.take(place),
            "shown": pa.array(shown.astype(np.int8)),
            "bought": pa.array(np.full(len(row), bought, np.int8)),
        }
    )


def _hash(products: np.ndarray, basket: int) -> np.ndarray:
    """A hash of each product and the basket: uint64."""
    return mix(products.astype(np.uint64), int(basket) - 1)
