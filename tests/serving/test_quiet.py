"""What libraries say at each start doesn't reach the terminal; all else does."""

from __future__ import annotations

import logging
import subprocess
import sys
import time
from pathlib import Path

import pytest
from apache_beam.options.pipeline_options import PipelineOptions

from serving.quiet import quiet_libraries
from tests.pipelines.conftest import srp4ctr_process

ROOT = Path(__file__).parents[2]
SAID_AT_START = (
    "WARNING: All log messages before absl::InitializeLog() is called are written to STDERR\\n"
    "I0000 00:00:1795798559.873500  5 port.cc:153] oneDNN custom operations are on. You may see\\n"
    "E0000 00:00:1795798559.873500  5 cuda_dnn.cc:8579] Unable to register cuDNN factory: "
    "Attempting\\n"
    "W0000 00:00:1795798559.873500  5 computation_placer.cc:177] computation placer already "
    "registered\\n"
)
CRASH = f"""
import os
from serving.quiet import start_up_lines_dropped
with start_up_lines_dropped():
    os.write(2, b"{SAID_AT_START}F0000 this processor lacks AVX\\n")
    os.abort()
"""
IMPORTS = """
import sys
from serving.quiet import quiet_libraries
quiet_libraries()
import tensorflow as tf
print(tf.constant(1.0).numpy())
sys.stderr.write("said afterwards")
"""


def run_python(program: str, path: str = "/usr/bin:/bin") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", program]
    environment = {"PATH": path, "TF_USE_LEGACY_KERAS": "1"}
    return subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )


def test_beam_says_nothing_of_there_being_no_rejected_row(
    caplog: pytest.LogCaptureFixture,
) -> None:
    quiet_libraries()
    logger = logging.getLogger("apache_beam.io.filebasedsink")
    logger.warning("No shards found to finalize. num_shards: %d, skipped: %d", 0, 0)
    logger.warning("Deleting %d existing files", 2)
    assert caplog.messages == ["Deleting 2 existing files"]


@pytest.mark.parametrize("emulator", ["", "http://localhost:4443"])
def test_without_google_s_credentials_a_line_says_so_where_they_are_asked_for(
    emulator: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    google_auth = pytest.importorskip("google.auth")
    auth = pytest.importorskip("apache_beam.internal.gcp.auth")
    looks = []

    def default(**_: object) -> None:
        looks.append("again")
        raise google_auth.exceptions.DefaultCredentialsError("they were not found")

    monkeypatch.setattr(google_auth, "default", default)
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", emulator)
    quiet_libraries()
    assert auth._Credentials._get_service_credentials(PipelineOptions([])) is None
    assert len(looks) > 1
    logging.getLogger("apache_beam.utils.retry").warning("Retry: %s", "list_prefix")
    said = caplog.messages
    assert said[-1] == "Retry: list_prefix"
    if emulator:
        assert len(said) == 1
    else:
        assert len(said) == 2 and said[0].startswith("gs:// is asked without credentials")


def test_a_crash_loses_no_line_but_those_of_every_start() -> None:
    assert run_python(CRASH).stderr == "F0000 this processor lacks AVX\n"


def test_without_grep_all_lines_pass() -> None:
    assert run_python(CRASH, path="").stderr.endswith("lacks AVX\n")


@pytest.mark.slow
def test_tensorflow_starts_in_silence() -> None:
    started = run_python(IMPORTS)
    assert (started.stdout, started.stderr) == ("1.0\n", "said afterwards")


@pytest.mark.slow
def test_a_command_that_needs_tensorflow_says_only_its_own(tmp_path: Path) -> None:
    done = srp4ctr_process(
        "serve",
        tmp_path / "models",
        "--port=0",
        "--rest_api_port=0",
        "--grpc_socket_path=grpc.sock",
    )
    assert done.returncode == 1
    assert done.stderr.startswith("Error: ") and done.stderr.count("\n") == 1


@pytest.mark.slow
def test_ends_of_python_versions_are_not_warned_of() -> None:
    program = (
        "import datetime, sys\nfrom serving.quiet import quiet_libraries\nquiet_libraries()\n"
        "from google.api_core import _python_version_support as support\n"
        "for year in range(2024, 2040):\n"
        "    support.check_python_version('google.api_core', datetime.date(year, 6, 1))\n"
    )
    checked = run_python(program)
    assert (checked.returncode, checked.stderr) == (0, "")


def test_other_warnings_stay() -> None:
    program = (
        "import warnings\nfrom serving.quiet import quiet_libraries\nquiet_libraries()\n"
        "warnings.warn('of your data', FutureWarning)\n"
    )
    assert "FutureWarning: of your data" in run_python(program).stderr


def test_objects_that_fail_while_the_interpreter_ends_are_not_said_but_others_are() -> None:
    program = (
        "from serving.quiet import quiet_libraries\nquiet_libraries()\n"
        "class Broken:\n    def __init__(self, name): self.name = name\n"
        "    def __del__(self): raise ValueError(self.name)\n"
        "Broken('earlier')\nkept = Broken('at the end')\n"
    )
    ended = run_python(program)
    assert "ValueError: earlier" in ended.stderr and "at the end" not in ended.stderr
