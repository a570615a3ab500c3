"""How fast the components that read all records are, and how their memory grows with the records.

    make bench-components
    python -m benchmarks.components --candidates 2000000

Records, StatisticsGen and Transform by Beam in one process, on the log of
`benchmarks.preprocessing`: 10 candidates a request, the latest 50 clicks as history. Each size is a
process of its own (`benchmarks.beam_runners`). Of each component:

- candidates_per_second, candidates_per_cpu_second: of the most candidates.
- memory_mb: the most that the process held while it ran, at both sizes; what was imported before is
  part of it.
- memory_ratio_4x: of these, that with the most candidates to that with a quarter of them.

The last line printed is all of it as one JSON object.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

from benchmarks.beam_runners import generated, measured

MOST = 4_000_000


def main() -> None:
    """Measures both sizes, and compares."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--candidates", type=int, default=MOST, help="the most of them")
    most = parser.parse_args().candidates
    found = []
    for size in (most // 4, most):
        with tempfile.TemporaryDirectory() as name:
            found.append(measured(generated(Path(name), size), Path(name) / "runs"))
    small, large = found
    compared = {}
    for component, many in large.items():
        few = small[component]
        compared[component] = {
            "candidates_per_second": round(most / many["seconds"]),
            "candidates_per_cpu_second": round(most / many["cpu_seconds"]),
            "memory_mb": [few["memory_mb"], many["memory_mb"]],
            "memory_ratio_4x": round(many["memory_mb"] / few["memory_mb"], 3),
        }
    print(json.dumps(compared))


if __name__ == "__main__":
    main()
