"""Makes an impression log of Online Retail, a year of orders at a wholesaler of gifts.

A request is an order. Its candidates are products on sale, labelled by whether they are in the
order; every ordered product, candidate or not, is an event of the customer's history.

- On sale is what the shop sold on an *earlier* day, at most `ON_SALE_DAYS` before; ordered products
  that weren't are no candidates, like the others.
- Only orders with a candidate that was ordered become requests: in others nothing can be ranked.
- Of the candidates that were not ordered (some 2,000 an order), those with the `NOT_ORDERED`
  smallest hashes of order and product are kept: a uniform sample, the same on every machine. AUC is
  that of all of them, up to noise; label rate and calibration are those of the sample.
- A candidate's price is the product's on the last earlier day of its sale, ordered or not: what was
  paid depends on the quantity, and would tell that it was ordered.
- Lines without a customer (a quarter), cancelled orders, and codes of what is no product, such as
  postage, are left out.
"""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyarrow import csv

from preprocessing.durations import SECONDS_PER_DAY
from preprocessing.histories import is_run_end, is_run_start
from preprocessing.tables import mix
from preprocessing.whole_files import whole_file

FILE = "online-retail-dataset.csv"
LOG = "log.parquet"
PRODUCTS = "products.parquet"
ON_SALE_DAYS = 28
NOT_ORDERED = 20
_TEXT = ("InvoiceNo", "StockCode", "Description", "InvoiceDate", "CustomerID", "Country")
_TIME = "%m/%d/%Y %H:%M"
_ORDER = r"^\d+$"  # cancelled ones begin with C
_PRODUCT = r"^\d{5}[A-Za-z]*$"
_WORD = re.compile(r"[A-Z]{3,}")


@dataclasses.dataclass(frozen=True)
class _Orders:
    """Orders, and the distinct products in each.

    Attributes:
        ids: Strings [O], sorted.
        customers: Strings [O].
        countries: Strings [O].
        times: int64 [O], the first line's second since 1970, by the shop's clock.
        order: int64 [N], each line's order, sorted.
        product: int64 [N], its product; distinct and sorted within an order.
    """

    ids: np.ndarray
    customers: np.ndarray
    countries: np.ndarray
    times: np.ndarray
    order: np.ndarray
    product: np.ndarray


@dataclasses.dataclass(frozen=True)
class _Prices:
    """The median price of each product on each day of its sale, sorted by product and day.

    Attributes:
        product: int64 [S].
        day: int64 [S], since 1970.
        price: float64 [S].
    """

    product: np.ndarray
    day: np.ndarray
    price: np.ndarray

    @classmethod
    def of(cls, product: np.ndarray, day: np.ndarray, price: np.ndarray) -> _Prices:
        """From lines, in any order."""
        by_price = np.lexsort((price, day, product))
        product, day, price = product[by_price], day[by_price], price[by_price]
        starts = np.flatnonzero(is_run_start(product, day))
        ends = np.append(starts[1:], len(product))
        return cls(product[starts], day[starts], price[(starts + ends - 1) // 2])

    def on_sale(self, day: int) -> tuple[np.ndarray, np.ndarray]:
        """The products sold within `ON_SALE_DAYS` days before `day`, sorted, and their prices."""
        sold = np.flatnonzero((self.day < day) & (self.day >= day - ON_SALE_DAYS))
        latest = sold[is_run_end(self.product[sold])]
        return self.product[latest], self.price[latest]


def build(folder: Path) -> None:
    """Writes `LOG` and `PRODUCTS` from `FILE`, all in `folder`."""
    lines = _lines(folder / FILE)
    codes, product = np.unique(_strings(lines, "StockCode"), return_inverse=True)
    seconds = lines.column("seconds").to_numpy()
    orders = _orders(lines, product, seconds)
    prices = _Prices.of(product, seconds // SECONDS_PER_DAY, lines.column("UnitPrice").to_numpy())
    with whole_file(folder / PRODUCTS) as part:
        pq.write_table(_products(codes, product, _strings(lines, "Description")), part)
    with whole_file(folder / LOG) as part:
        pq.write_table(_events(orders, prices, codes), part)


def _lines(path: Path) -> pa.Table:
    """Lines of products that customers ordered, with `seconds` since 1970."""
    types = dict.fromkeys(_TEXT, pa.string()) | {"UnitPrice": pa.float64()}
    lines = csv.read_csv(path, convert_options=csv.ConvertOptions(column_types=types))
    kept = pc.and_(
        pc.match_substring_regex(lines.column("InvoiceNo"), _ORDER),
        pc.match_substring_regex(lines.column("StockCode"), _PRODUCT),
    )
    kept = pc.and_(kept, pc.not_equal(lines.column("CustomerID"), ""))
    lines = lines.filter(kept)
    times = pc.strptime(lines.column("InvoiceDate"), format=_TIME, unit="s")
    return lines.append_column("seconds", times.cast(pa.int64())).combine_chunks()


def _strings(lines: pa.Table, name: str) -> np.ndarray:
    return lines.column(name).to_numpy().astype(str)


def _orders(lines: pa.Table, product: np.ndarray, seconds: np.ndarray) -> _Orders:
    ids, first, order = np.unique(
        _strings(lines, "InvoiceNo"), return_index=True, return_inverse=True
    )
    times = np.full(len(ids), np.iinfo(np.int64).max)
    np.minimum.at(times, order, seconds)
    by_order = np.lexsort((product, order))
    order, product = order[by_order], product[by_order]
    distinct = is_run_start(order, product)
    return _Orders(
        ids=ids,
        customers=_strings(lines, "CustomerID")[first],
        countries=_strings(lines, "Country")[first],
        times=times,
        order=order[distinct],
        product=product[distinct],
    )


def _products(codes: np.ndarray, product: np.ndarray, descriptions: np.ndarray) -> pa.Table:
    """Products with the description that most of their lines have, and its words."""
    names = []
    by_product = np.argsort(product, kind="stable")
    for own in np.split(descriptions[by_product], np.cumsum(np.bincount(product))[:-1]):
        texts, counts = np.unique(np.char.strip(own), return_counts=True)
        names.append(texts[np.argmax(counts)])
    words = ["|".join(sorted(set(_WORD.findall(name)))) for name in names]
    return pa.table({"product_id": codes, "name": names, "words": words})


def _events(orders: _Orders, prices: _Prices, codes: np.ndarray) -> pa.Table:
    """The log: what was ordered, then the candidates that were not."""
    days = orders.times // SECONDS_PER_DAY
    pools = {day: prices.on_sale(day) for day in np.unique(days).tolist()}
    starts = np.searchsorted(orders.order, np.arange(len(orders.ids) + 1))
    price = np.full(len(orders.order), np.nan)  # of what was ordered, where it is a candidate
    parts: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
    for number, day in enumerate(days.tolist()):
        lines = slice(starts[number], starts[number + 1])
        on_sale, their_price = pools[day]
        _, ordered, among = np.intersect1d(
            orders.product[lines], on_sale, assume_unique=True, return_indices=True
        )
        if not len(ordered):
            continue
        price[lines][ordered] = their_price[among]
        others = np.setdiff1d(np.arange(len(on_sale)), among, assume_unique=True)
        hashes = mix(on_sale[others].astype(np.uint64), number)
        others = others[np.argsort(hashes, kind="stable")[:NOT_ORDERED]]
        parts.append((np.full(len(others), number), on_sale[others], their_price[others]))
    parts.insert(0, (orders.order, orders.product, price))
    order, product, price = (np.concatenate(part) for part in zip(*parts, strict=True))
    shown = ~np.isnan(price)
    bought = np.arange(len(order)) < len(orders.order)
    return pa.table(
        {
            "customer_id": orders.customers[order],
            "product_id": codes[product],
            "order_id": orders.ids[order],
            "country": orders.countries[order],
            "time": pa.array(orders.times[order]).cast(pa.timestamp("s")),
            "price": pa.array(price, mask=~shown),
            "shown": shown.astype(np.int8),
            "bought": bought.astype(np.int8),
        }
    )
