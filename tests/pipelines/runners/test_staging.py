"""What remote Beam workers get: the source distribution, pinned requirements, closures that
unpickle there."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
from apache_beam.internal import cloudpickle_pickler, dill_pickler
from apache_beam.options.pipeline_options import PipelineOptions, SetupOptions
from packaging.requirements import Requirement

from pipelines.components.candidate_groups import group_candidates
from pipelines.runners import staging
from preprocessing.config import ConfigError
from preprocessing.features import SPLITS
from preprocessing.spec import DatasetSpec
from tests.testing import Record, build_records, read_split, write_small_dataset

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[3]
PACKAGES = ("preprocessing", "trainer", "pipelines", "serving")

CLEAN_IMPORTS = """
import sys
target, checkout = sys.argv[1:]
sys.path[:] = [path for path in sys.path if path != checkout]
from pathlib import Path
import pipelines.app, pipelines.report.page as page
import preprocessing.records, serving.client, trainer.finetune, trainer.pretrain
for package in ("preprocessing", "trainer", "pipelines", "serving"):
    assert sys.modules[package].__file__.startswith(target), sys.modules[package].__file__
for name in ("page.html", "page.css"):
    assert Path(page.__file__).with_name(name).is_file(), name
"""


@pytest.fixture(scope="module")
def staged(tmp_path_factory: pytest.TempPathFactory) -> SetupOptions:
    return PipelineOptions(staging.stage_package(tmp_path_factory.mktemp("package"))).view_as(
        SetupOptions
    )


def test_sdist_holds_every_file_of_the_packages(staged: SetupOptions) -> None:
    (sdist,) = staged.extra_packages
    with tarfile.open(sdist) as archive:
        files = {name.partition("/")[2] for name in archive.getnames()}
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                assert path.relative_to(ROOT).as_posix() in files
    assert {
        "setup.py",
        "pyproject.toml",
        "pipelines/report/page.html",
        "pipelines/report/page.css",
    } <= files


def test_requirements_pin_what_setup_py_asks_for(staged: SetupOptions) -> None:
    pins = [Requirement(line) for line in Path(staged.requirements_file).read_text().splitlines()]
    names = {pin.name for pin in pins}
    assert {"tfx", "tensorflow", "tf-keras", "apache-beam", "pydantic"} <= names
    assert all(str(pin.specifier).startswith("==") for pin in pins)
    assert "ruff" not in names  # an extra's
    assert staged.requirements_cache == "skip"


def test_workers_get_tensorflow_where_here_is_the_build_without_cuda(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def version(name: str) -> str:
        if name == "tensorflow":
            raise metadata.PackageNotFoundError(name)
        return "2.0"

    monkeypatch.setattr(metadata, "version", version)
    assert "tensorflow==2.0" in staging.pinned_requirements()


def test_sdist_imports_in_a_clean_environment(staged: SetupOptions, tmp_path: Path) -> None:
    """A new environment that sees this one's libraries, but neither the checkout nor its editable
    install."""
    (sdist,) = staged.extra_packages
    target = tmp_path / "site"
    pip = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--no-build-isolation",
        "--no-index",
    ]
    subprocess.run([*pip, "--target", str(target), sdist], check=True)
    program = tmp_path / "check.py"
    program.write_text(CLEAN_IMPORTS)
    environment = os.environ | {"PYTHONPATH": str(target)}
    subprocess.run(
        [sys.executable, str(program), str(target), str(ROOT)],
        cwd=tmp_path,
        env=environment,
        check=True,
    )


def test_an_installed_package_cannot_be_staged(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(staging, "_ROOT", tmp_path)
    with pytest.raises(ConfigError, match="--beam-image"):
        staging.stage_package(tmp_path / "package")


@pytest.fixture(scope="module")
def dataset(
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[DatasetSpec, dict[str, list[Record]]]:
    """A small log's spec, and its records as the default pickler makes them in this process."""
    folder = tmp_path_factory.mktemp("dataset")
    spec = write_small_dataset(folder)
    return spec, build_records(spec, folder)


def test_closures_survive_dill_too(dataset: Any, tmp_path: Path) -> None:
    """cloudpickle is Beam's default; with dill, older Beams and TFX's own options pickle."""
    spec, expected = dataset
    assert build_records(spec, tmp_path, options=["--pickle_library=dill_unsafe"]) == expected


@pytest.mark.parametrize(
    "pickler", [cloudpickle_pickler, dill_pickler], ids=["cloudpickle", "dill"]
)
def test_the_evaluators_step_survives_both_picklers(pickler: Any) -> None:
    assert pickler.loads(pickler.dumps(group_candidates)).__module__ == group_candidates.__module__


def test_portable_workers_build_the_same_records(dataset: Any, tmp_path: Path) -> None:
    """Beam's portable job service: the job, its closures and its artifacts go through gRPC to
    worker processes."""
    spec, expected = dataset
    program = (
        "import sys; from pathlib import Path\n"
        "from preprocessing.spec import DatasetSpec; from tests.testing import run_job\n"
        "run_job(DatasetSpec.from_json(sys.argv[1]), Path(sys.argv[2]), options=sys.argv[3:])"
    )
    options = ["--runner=PortableRunner", "--job_endpoint=embed"]
    options.append("--environment_type=beam:env:harness_subprocess_python:v1")
    options.append(
        f"--environment_config={sys.executable} -m apache_beam.runners.worker.sdk_worker_main"
    )
    command = [sys.executable, "-c", program, spec.model_dump_json(), str(tmp_path), *options]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert {split: read_split(tmp_path, split) for split in SPLITS} == expected
