"""Hostile requests to an exported ranker behind the local model server; `make fuzz-serving` sends 10,000."""

import os
import shutil
from pathlib import Path

import pytest

from tests.fuzzing import fuzz, good_requests, server_process
from tests.trainer.conftest import Exported

pytestmark = pytest.mark.slow
COUNT = int(os.environ.get("FUZZ_REQUESTS", "400"))
SEED = int(os.environ.get("FUZZ_SEED", "0"))


def test_hostile_requests_get_a_proper_status_and_harm_nobody(exported: Exported, tmp_path: Path) -> None:
    version = shutil.copytree(exported.folder, tmp_path / "model" / "1")
    good = good_requests(version, "fuzzed")
    with server_process(tmp_path / "model", "fuzzed") as server:
        before = server.resident_bytes()
        found = fuzz(server, good, COUNT, SEED)
        after = server.resident_bytes()
    print(f"\n{COUNT} requests, seed {SEED}; resident MiB before {before >> 20}, after {after >> 20}")
    for (kind, status), count in sorted(found.items()):
        print(f"  {kind:8} {status:20} {count}")
    assert sum(found.values()) == COUNT
    assert {status for _, status in found} >= {"OK", "INVALID_ARGUMENT", "NOT_FOUND"}
