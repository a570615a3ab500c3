"""A package that adds a ranker, a kind of feature and a metric to srp4ctr from outside."""

from setuptools import setup

setup(
    name="srp4ctr-latest-mean",
    version="0.1.0",
    packages=["srp4ctr_latest_mean"],
    install_requires=["srp4ctr[tfx]"],
    entry_points={
        "srp4ctr.rankers": ["latest_mean = srp4ctr_latest_mean.ranker:LatestMean"],
        "srp4ctr.ranker_options": ["latest_mean = srp4ctr_latest_mean.options:LatestMeanConfig"],
        "srp4ctr.kinds": ["first_letters = srp4ctr_latest_mean.first_letters:FirstLetters"],
        "srp4ctr.metrics": ["accuracy = srp4ctr_latest_mean.accuracy:ACCURACY"],
    },
)
