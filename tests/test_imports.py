"""What importing a package brings along, and what CPU time and memory it takes by itself."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent
ATTEMPTS = 3  # the quickest counts: a busy machine's caches make the others slower

# Imports the libraries, then the modules; prints what the latter added.
PROGRAM = """
import importlib, json, re, sys, time
from pathlib import Path

def mebibytes():
    status = Path("/proc/self/status").read_text()
    return int(re.search(r"VmHWM:\\s+(\\d+) kB", status)[1]) / 1024

libraries, modules = json.loads(sys.argv[1])
for library in libraries:
    importlib.import_module(library)
known = set(sys.modules)
seconds_before = time.process_time() if libraries else 0.0
mebibytes_before = mebibytes() if libraries else 0.0
for module in modules:
    importlib.import_module(module)
own = {"seconds": time.process_time() - seconds_before, "mebibytes": mebibytes() - mebibytes_before}
added = {name.partition(".")[0] for name in sys.modules if name not in known}
print(json.dumps(own | {"packages": sorted(added)}))
"""


@dataclasses.dataclass(frozen=True)
class Cost:
    """The most that importing modules may take.

    Attributes:
        modules: What is imported.
        seconds: CPU seconds, those of `libraries` not counted; of the whole process where it has
            none.
        mebibytes: Of resident memory at its highest, counted alike.
        without: Packages of which they must import nothing.
        libraries: What they are built on, imported first.
    """

    modules: tuple[str, ...]
    seconds: float
    mebibytes: float
    without: frozenset[str]
    libraries: tuple[str, ...] = ()


NEVER = frozenset(
    {"matplotlib", "notebook", "tensorflow_model_analysis", "tensorflow_data_validation", "tfx"}
)
NO_TRAINING = NEVER | {"tensorflow", "tf_keras", "keras"}
NO_BEAM = frozenset({"apache_beam", "pyarrow", "pandas"})
COSTS = {
    "client": Cost(
        ("serving.client", "serving.async_client", "serving.user_statistics"),
        0.5,
        80,
        NO_TRAINING | NO_BEAM | {"pydantic", "redis"},
    ),
    "command": Cost(("pipelines.app",), 0.5, 40, NO_TRAINING | NO_BEAM | {"grpc", "numpy", "yaml"}),
    "data set's specification": Cost(("preprocessing.spec",), 0.6, 60, NO_TRAINING | NO_BEAM),
    "job that makes records": Cost(
        ("preprocessing.records",),
        1.0,
        100,
        NEVER | {"tf_keras"},
        ("apache_beam", "pyarrow", "tensorflow"),
    ),
    "trainer": Cost(
        ("trainer.task", "trainer.pretrain", "trainer.finetune", "trainer.export.saved_model"),
        1.0,
        100,
        NEVER | NO_BEAM,
        ("tensorflow", "tf_keras"),
    ),
    "server": Cost(("serving.server",), 1.0, 100, NEVER | NO_BEAM | {"tf_keras"}, ("tensorflow",)),
}


SLOW = ("job that makes records", "trainer", "server")  # for TensorFlow takes seconds


@pytest.mark.parametrize(
    "package",
    [pytest.param(name, marks=[pytest.mark.slow] if name in SLOW else []) for name in COSTS],
)
def test_a_package_imports_alone_quickly_and_small(package: str) -> None:
    cost = COSTS[package]
    found = [_import(cost)]
    assert not cost.without & set(found[0]["packages"])
    while len(found) < ATTEMPTS and found[-1]["seconds"] > cost.seconds:
        found.append(_import(cost))
    assert min(one["seconds"] for one in found) <= cost.seconds
    assert min(one["mebibytes"] for one in found) <= cost.mebibytes


def _import(cost: Cost) -> dict[str, Any]:
    # Bytecode is written, or each process would compile what it imports.
    environment = {
        name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"
    }
    given = json.dumps([cost.libraries, cost.modules])
    command = [sys.executable, "-c", PROGRAM, given]
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout)
