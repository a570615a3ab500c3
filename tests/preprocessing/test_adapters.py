"""Each config reads its data set's published format: the test writes a few rows of it, exactly as
published."""

from __future__ import annotations

import threading
import zipfile
from collections.abc import Iterator
from functools import partial
from hashlib import md5
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from pipelines.config import load_run_config
from preprocessing import datasets
from preprocessing.adapters import completejourney, online_retail
from preprocessing.datasets import DATASETS, DataFetchError, fetch
from preprocessing.datasets.published import PublishedDataset
from preprocessing.sources.check import check_sources
from preprocessing.sources.columns import TABLES, TableName
from preprocessing.sources.read import read_table
from preprocessing.spec import DatasetSpec
from preprocessing.titles import read_titles
from tests.testing import Row

CONFIGS = Path(__file__).parents[2] / "configs"

FILES: dict[str, dict[str, list[str]]] = {
    "ml-1m": {
        "ratings.dat": ["1::1193::5::978300760", "1::661::3::978309999", "2::1193::4::978399999"],
        "movies.dat": [
            "1193::One Flew Over the Cuckoo's Nest (1975)::Drama",
            "661::Cité, La (1994)::War|Musical",
        ],
        "users.dat": ["1::F::1::10::48067", "2::M::56::16::70072-1234"],
    },
    "ml-20m": {
        "ratings.csv": [
            "userId,movieId,rating,timestamp",
            "1,2,3.5,1112486027",
            "1,29,4.5,1112496676",
            "2,2,4,1113000000",
        ],
        "movies.csv": [
            "movieId,title,genres",
            "2,Jumanji (1995),Adventure|Children",
            '29,"City, The (1995)",Drama',
        ],
    },
    "taobao": {
        "UserBehavior.csv": [
            "1,2268318,2520377,pv,1511544070",
            "1,2333346,2520771,buy,1512400000",
            "100,2576651,149192,cart,1512500000",
        ],
    },
    "taobao-ads": {
        "raw_sample.csv": [
            "user,time_stamp,adgroup_id,pid,nonclk,clk",
            "581738,1494137644,1,430548_1007,1,0",
            "449818,1494638778,3,430548_1007,0,1",
            "449818,1494700000,1,430539_1007,1,0",
        ],
        "ad_feature.csv": [
            "adgroup_id,cate_id,campaign_id,customer,brand,price",
            "1,9025,108570,1,95471,170.0",
            "3,6406,83237,1,NULL,199.0",
        ],
        "user_profile.csv": [
            "userid,cms_segid,cms_group_id,final_gender_code,age_level,pvalue_level,shopping_level,occupation,"
            "new_user_class_level ",
            "449818,0,5,2,5,,3,0,3",
        ],
    },
    "mind": {
        "behaviors.tsv": [
            "1\tU13740\t11/11/2019 9:05:58 AM\tN55189 N42782\tN55689-1 N35729-0",
            "2\tU91836\t11/12/2019 6:11:30 PM\t\tN20678-0 N39317-0 N55689-1",
            "3\tU91836\t11/14/2019 6:11:30 PM\tN31739\tN20678-1",
        ],
        "news.tsv": [
            'N55689\tsports\tfootball_nfl\tA "quote"\t\thttps://x\t[{"Label": "Cam"}]\t[]'
        ],
    },
}
for edition in ("ml-25m", "ml-latest", "ml-latest-small"):
    FILES[edition] = FILES["ml-20m"]
ENCODINGS = {"ml-1m": "latin-1"}
EVENTS = {
    "ml-1m": 3,
    "ml-20m": 3,
    "ml-25m": 3,
    "ml-latest": 3,
    "ml-latest-small": 3,
    "taobao": 3,
    "taobao-ads": 3,
    "mind": 6,
}


def write(folder: Path, name: str, ending: str = "\n") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for file, lines in FILES[name].items():
        (folder / file).write_bytes(
            "".join(line + ending for line in lines).encode(ENCODINGS.get(name, "utf-8"))
        )
    return folder


def config_spec(name: str, data_dir: Path) -> DatasetSpec:
    return load_run_config(CONFIGS / f"{name.replace('-', '_')}.yaml").dataset.with_data_dir(
        str(data_dir)
    )


def read(spec: DatasetSpec, table: TableName) -> list[Row]:
    """All rows of a table; none may be rejected."""
    declared = getattr(spec, table)
    rows: list[Row] = []
    for part in read_table(spec, table, declared.path) if declared else ():
        assert isinstance(part, pa.Table)
        rows += part.to_pylist()
    return rows


@pytest.mark.parametrize("name", sorted(FILES))
def test_published_format_passes_and_is_read(tmp_path: Path, name: str) -> None:
    write(tmp_path / name, name, "\r\n" if name == "ml-1m" else "\n")
    assert fetch(name, tmp_path) == tmp_path / name
    spec = config_spec(name, tmp_path)
    check_sources(spec)
    assert len(read(spec, "events")) == EVENTS[name]
    for table in TABLES[1:]:
        assert bool(read(spec, table)) == (getattr(spec, table) is not None)


def test_what_the_configs_make_of_them(tmp_path: Path) -> None:
    for name in FILES:
        write(tmp_path / name, name)
    shown = read(config_spec("mind", tmp_path), "events")
    assert [(row["item"], row["number:clicked"]) for row in shown[:2]] == [
        ("N55689", 1.0),
        ("N35729", 0.0),
    ]
    assert shown[0]["time"] == 1573463158 and shown[2]["time"] == 1573582290
    assert read_titles(config_spec("ml-1m", tmp_path))["661"] == "Cité, La (1994)"
    assert read_titles(config_spec("ml-20m", tmp_path))["29"] == "City, The (1995)"
    assert read(config_spec("taobao-ads", tmp_path), "users")[0]["text:new_user_class_level"] == "3"
    assert read(config_spec("taobao", tmp_path), "events")[1]["text:behavior"] == "buy"


@pytest.mark.parametrize("name", ["taobao", "taobao-ads", "mind"])
def test_without_an_account_it_says_where_to_get_the_files(tmp_path: Path, name: str) -> None:
    with pytest.raises(
        DataFetchError,
        match=rf"(?s)account.*{DATASETS[name].licence[:9]}.*https://.*into {tmp_path}",
    ):
        fetch(name, tmp_path)


def test_another_format_is_refused(tmp_path: Path) -> None:
    folder = write(tmp_path / "mind", "mind")
    (folder / "behaviors.tsv").write_text("impression\tuser\n")
    with pytest.raises(
        DataFetchError,
        match=r"behaviors\.tsv isn't in the published format: its first line is 'impr",
    ):
        fetch("mind", tmp_path)


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """ml-1m's archive, with its MD5 beside it, on a web server of our own."""
    files = write(tmp_path / "made", "ml-1m")
    path = tmp_path / "web" / "ml-1m.zip"
    path.parent.mkdir()
    with zipfile.ZipFile(path, "w") as content:
        for file in FILES["ml-1m"]:
            content.write(files / file, f"ml-1m/{file}")
    path.with_name("ml-1m.zip.md5").write_text(
        f"MD5 (ml-1m.zip) = {md5(path.read_bytes()).hexdigest()}\n"
    )
    with ThreadingHTTPServer(
        ("127.0.0.1", 0), partial(_Quiet, directory=str(path.parent))
    ) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/ml-1m.zip"
        known = DATASETS["ml-1m"]
        assert (
            isinstance(known, PublishedDataset)
            and known.url
            and known.md5_url == f"{known.url}.md5"
        )
        changed = PublishedDataset(
            known.name, known.origin, known.licence, known.first_lines, url, f"{url}.md5"
        )
        monkeypatch.setitem(datasets.DATASETS, "ml-1m", changed)
        yield path
        server.shutdown()


def test_archive_is_downloaded_checked_and_unpacked(archive: Path, tmp_path: Path) -> None:
    folder = fetch("ml-1m", tmp_path / "data")
    assert sorted(path.name for path in folder.iterdir()) == [
        "movies.dat",
        "ratings.dat",
        "users.dat",
    ]
    archive.unlink()
    assert fetch("ml-1m", tmp_path / "data") == folder  # nothing to download any more
    with pytest.raises(DataFetchError, match=r"(?s)can't be downloaded: .*404.*by hand"):
        fetch("ml-1m", tmp_path / "elsewhere")


def test_archive_with_another_checksum_is_refused(archive: Path, tmp_path: Path) -> None:
    published = archive.with_name("ml-1m.zip.md5")
    published.write_text(f"{'0' * 32}  ml-1m.zip")
    with pytest.raises(
        DataFetchError, match=rf"has MD5 [0-9a-f]{{32}}, and http.*md5 has {'0' * 32}. Nothing was"
    ):
        fetch("ml-1m", tmp_path / "data")
    assert list((tmp_path / "data" / "ml-1m").iterdir()) == []
    published.write_text("<html>not found</html>")
    with pytest.raises(DataFetchError, match="no MD5 at all"):
        fetch("ml-1m", tmp_path / "data")


def test_archive_put_in_place_by_hand(archive: Path, tmp_path: Path) -> None:
    folder = tmp_path / "data" / "ml-1m"
    folder.mkdir(parents=True)
    (folder / "ml-1m.zip").write_bytes(archive.read_bytes()[:-30])
    with pytest.raises(DataFetchError, match="has MD5"):
        fetch("ml-1m", tmp_path / "data")
    (folder / "ml-1m.zip").write_bytes(archive.read_bytes())
    archive.unlink()
    assert (fetch("ml-1m", tmp_path / "data") / "ratings.dat").is_file()


def journey(
    folder: Path, baskets: int = 200, products: int = 60, seed: int = 0
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Small tables in the package's format; product p is promoted in store s and week w if (p + s +
    w) % 3 == 0."""
    rng = np.random.default_rng(seed)
    bought = pd.DataFrame(
        {
            "household_id": np.repeat(rng.integers(1, 9, baskets), 5),
            "store_id": np.repeat(rng.integers(1, 4, baskets), 5),
            "basket_id": np.repeat(np.arange(baskets) + 31198570044, 5),
            "product_id": rng.integers(0, products, baskets * 5) ** 2 // products,
            "week": np.repeat(np.arange(baskets) * 5 // baskets + 1, 5),
            "transaction_timestamp": pd.to_datetime(
                np.repeat(1483228800 + 15_000 * np.arange(baskets), 5), unit="s"
            ),
        }
    )
    names = ["product_id", "store_id", "week"]
    grid = pd.MultiIndex.from_product([range(products), range(1, 4), range(1, 6)], names=names)
    shown = grid.to_frame(index=False)
    shown = shown[(shown.product_id + shown.store_id + shown.week) % 3 == 0]
    shown = shown.assign(display_location="1", mailer_location="A")
    bought.to_parquet(folder / "transactions.parquet")
    pd.concat([shown, shown.head(50)]).to_parquet(folder / "promotions.parquet")
    return bought, shown


def test_completejourney_log_against_its_definition(tmp_path: Path) -> None:
    bought, shown = journey(tmp_path)
    completejourney.build(tmp_path)
    log = pd.read_parquet(tmp_path / "log.parquet")
    first = bought.groupby("product_id").week.min()
    places = shown[["product_id", "store_id", "week"]].itertuples(index=False)
    promoted = {(s, w, p) for p, s, w in places if first.get(p, 99) < w}
    basket = bought.drop_duplicates("basket_id").set_index("basket_id")
    purchases = {(b, p) for b, p in bought[["basket_id", "product_id"]].itertuples(index=False)}
    rows = list(log[["basket_id", "product_id", "shown", "bought"]].itertuples(index=False))
    assert {(b, p) for b, p, _, y in rows if y} == purchases and sum(y for *_, y in rows) == len(
        purchases
    )
    asked = set()
    for b, p, is_shown, _ in rows:
        assert is_shown == ((basket.store_id[b], basket.week[b], p) in promoted)
        asked |= {b} if is_shown and (b, p) in purchases else set()
    assert 0 < len(asked) < len(basket)
    for b in asked:
        pool = {p for s, w, p in promoted if (s, w) == (basket.store_id[b], basket.week[b])}
        not_bought = [p for c, p, _, y in rows if c == b and not y]
        others = {p for p in pool if (b, p) not in purchases}
        assert set(not_bought) <= others and len(not_bought) == min(
            completejourney.NOT_BOUGHT, len(others)
        )
    assert {b for b, _, _, y in rows if not y} == asked
    assert (log.shown == 1).sum() == log.display.notna().sum() == log.mailer.notna().sum()
    assert (log.time == log.basket_id.map(basket.transaction_timestamp)).all()


def test_completejourney_log_is_the_same_whatever_the_order_of_rows(tmp_path: Path) -> None:
    journey(tmp_path)
    completejourney.build(tmp_path)
    expected = pd.read_parquet(tmp_path / "log.parquet").sort_values(
        ["basket_id", "product_id"], ignore_index=True
    )
    for name in ("transactions", "promotions"):
        table = pd.read_parquet(tmp_path / f"{name}.parquet")
        table.sample(frac=1, random_state=1).to_parquet(tmp_path / f"{name}.parquet", index=False)
    completejourney.build(tmp_path)
    found = pd.read_parquet(tmp_path / "log.parquet").sort_values(
        ["basket_id", "product_id"], ignore_index=True
    )
    pd.testing.assert_frame_equal(found, expected)


def retail_lines(orders: int = 120, products: int = 40, seed: int = 0) -> pd.DataFrame:
    """Small orders in the file's format, over 60 days; some are cancelled, without a customer, or
    of postage."""
    rng = np.random.default_rng(seed)
    lines = 6
    order = np.repeat(np.arange(orders), lines)
    time = pd.to_datetime(
        1_300_000_000 + 43_200 * order + 60 * rng.integers(0, 2, len(order)), unit="s"
    )
    product = rng.integers(0, products, len(order)) ** 2 // products
    table = pd.DataFrame(
        {
            "InvoiceNo": [f"{'C' if n % 11 == 0 else ''}{536365 + n}" for n in order],
            "StockCode": [f"{10000 + p}B" if p else "POST" for p in product],
            "Description": [f"RED BOX OF {'DOTS' if p % 2 else 'STARS, SET/2 '}" for p in product],
            "Quantity": 6,
            "InvoiceDate": [f"{t.month}/{t.day}/{t.year} {t.hour}:{t.minute:02}" for t in time],
            "UnitPrice": rng.integers(1, 500, len(order)) / 100,
            "CustomerID": ["" if n % 7 == 0 else f"{17000 + n % 9}" for n in order],
            "Country": "EIRE",
        }
    )
    return table


def test_online_retail_log_against_its_definition(tmp_path: Path) -> None:
    lines = retail_lines()
    lines.to_csv(tmp_path / online_retail.FILE, index=False)
    online_retail.build(tmp_path)
    log = pd.read_parquet(tmp_path / online_retail.LOG)

    good = lines[(lines.CustomerID != "") & (lines.StockCode != "POST")]
    good = good[~good.InvoiceNo.str.startswith("C")]
    good = good.assign(time=pd.to_datetime(good.InvoiceDate, format="%m/%d/%Y %H:%M"))
    day = good.time.dt.floor("D")
    start = good.groupby("InvoiceNo").time.min()
    ordered = set(zip(good.InvoiceNo, good.StockCode, strict=True))
    asked = set()
    for row in log.itertuples():
        today = start[row.order_id].floor("D")
        since = today - pd.Timedelta(days=online_retail.ON_SALE_DAYS)
        earlier = good[(good.StockCode == row.product_id) & (day < today) & (day >= since)]
        assert row.shown == bool(len(earlier)) and row.time == start[row.order_id]
        if row.shown:
            latest = earlier[earlier.time.dt.floor("D") == earlier.time.max().floor("D")]
            prices = latest.UnitPrice.sort_values().to_numpy()
            assert row.price == prices[(len(prices) - 1) // 2]
            asked |= {row.order_id} if row.bought else set()
        assert ((row.order_id, row.product_id) in ordered) == row.bought
    bought = log[log.bought == 1]
    assert set(zip(bought.order_id, bought.product_id, strict=True)) == ordered
    assert len(bought) == len(ordered) and 0 < len(asked) < len(start)
    assert set(log[log.bought == 0].order_id) == asked
    assert log[log.bought == 0].groupby("order_id").size().max() == online_retail.NOT_ORDERED


def test_online_retail_products_have_the_words_of_their_names(tmp_path: Path) -> None:
    retail_lines().to_csv(tmp_path / online_retail.FILE, index=False)
    online_retail.build(tmp_path)
    products = pd.read_parquet(tmp_path / online_retail.PRODUCTS).set_index("product_id")
    assert products.loc["10001B"].tolist() == ["RED BOX OF DOTS", "BOX|DOTS|RED"]
    assert products.loc["10002B"].tolist() == ["RED BOX OF STARS, SET/2", "BOX|RED|SET|STARS"]
