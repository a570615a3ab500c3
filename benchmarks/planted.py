"""The best AUC that there could be on the generated logs whose chances are known.

    python -m benchmarks.planted

That is the AUC of the chances themselves, over the candidates of the test split. A model has to
find an item's popularity from its counts, and so stays below.
"""

from __future__ import annotations

import csv
import tempfile
from pathlib import Path

import numpy as np
import yaml

from preprocessing.datasets import fetch
from preprocessing.spec import DatasetSpec
from preprocessing.spec_records import TimeSplit
from trainer.metrics import auc

ROOT = Path(__file__).parent.parent
NAMES = ("shop", "news", "travel")


def best_auc(log: Path, spec: DatasetSpec) -> tuple[float, int]:
    """The AUC of the chances over the test split, and its candidates."""
    assert isinstance(spec.split, TimeSplit)
    labels = []
    chances = []
    begins = spec.split.test_from.timestamp()
    with log.open(newline="") as stream:
        for row in csv.DictReader(stream):
            if int(row["timestamp"]) >= begins:
                labels.append(int(row["clicked"]))
                chances.append(float(row["chance"]))
    return auc(np.array(labels), np.array(chances)), len(labels)


def main() -> None:
    """The script."""
    with tempfile.TemporaryDirectory() as folder:
        for name in NAMES:
            content = yaml.safe_load((ROOT / "configs" / f"planted_{name}.yaml").read_text())
            spec = DatasetSpec.model_validate(content["dataset"])
            log = fetch(f"planted-{name}", Path(folder), lambda line: None) / "log.csv"
            best, candidates = best_auc(log, spec)
            print(f"planted_{name}: {best:.4f} at best, {candidates:,} candidates")


if __name__ == "__main__":
    main()
