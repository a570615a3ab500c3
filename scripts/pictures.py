"""Makes the README's pictures that come from runs.

    srp4ctr cost configs/cost.yaml --output build/cost
    python scripts/pictures.py cost build/cost/cost.json      # docs/pictures/cost.svg
    python scripts/pictures.py report runs/ml_100k            # docs/pictures/report.png
    python scripts/pictures.py report made-up                 # the same, with figures of the tests

A report is photographed by Chromium.
"""

from __future__ import annotations

import copy
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

ROOT = Path(__file__).resolve().parent.parent
PICTURES = ROOT / "docs" / "pictures"
MADE_UP = "made-up"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
MODELS = {
    "srp4ctr": ("SRP4CTR", "#1f62d0"),
    "bst": ("BST", "#2e7d4f"),
    "unfolded_din": ("DIN, textbook", "#b1560f"),
    "din": ("DIN, as here", "#59616e"),
}
STYLE: dict[Any, Any] = {  # matplotlib's types differ in the two stacks
    "svg.fonttype": "none",  # letters stay letters
    "svg.hashsalt": "srp4ctr",
    "font.size": 12,
    "font.family": "sans-serif",
    "axes.spines.top": False,
    "axes.spines.right": False,
}
PHONE = 3.9  # inches: text keeps its size where a screen is 390 pixels wide


def draw_cost(cost: Path) -> Path:
    """Operations a candidate against the number of candidates, of what `srp4ctr cost` wrote."""
    models = json.loads(cost.read_text(encoding="utf-8"))["models"]
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(PHONE, 3.8), layout="constrained")
        axes = figure.subplots()
        for name, (title, color) in MODELS.items():
            counts = models[name]["inference_flops"]
            candidates = [int(count) for count in counts]
            millions = [flops / 1e6 for flops in counts.values()]
            axes.loglog(candidates, millions, color=color, marker="o", label=title)
        axes.set_xlabel("candidates of a request")
        axes.set_ylabel("million operations a candidate")
        axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
        axes.yaxis.set_minor_formatter(NullFormatter())
        axes.grid(axis="y", color="#d5d9e0")
        axes.legend(frameon=False)
        path = PICTURES / "cost.svg"
        figure.savefig(path, metadata={"Date": None})
    return path


def photograph_report(page: Path) -> Path:
    """The first screen of a report's page."""
    found = [browser for name in BROWSERS if (browser := shutil.which(name))]
    if not found:
        raise SystemExit(f"none of {', '.join(BROWSERS)} is installed, and one is needed.")
    path = PICTURES / "report.png"
    options = ["--headless=new", "--no-sandbox", "--hide-scrollbars", "--window-size=390,630"]
    options.append("--force-device-scale-factor=2")  # sharp where a screen has finer pixels
    command = [found[0], *options, f"--screenshot={path}", page.resolve(strict=True).as_uri()]
    subprocess.run(command, check=True, capture_output=True)
    return path


def photograph_made_up_report() -> Path:
    """The same of results that the tests of the page made up, under another name."""
    sys.path.insert(0, str(ROOT))
    from pipelines.report.page import render
    from tests.pipelines.report.test_report_page import CONTENT, results

    metrics = copy.deepcopy(CONTENT["metrics"])
    metrics["config"]["dataset"]["name"] = "example"
    metrics["pretrain"].pop("gap")  # of which the tests' encoder learned nothing
    data = CONTENT["data"] | {"dataset": "example"}
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder, "index.html")
        page.write_text(render(results(metrics=metrics, data=data)), encoding="utf-8")
        return photograph_report(page)


def main(what: str, source: str) -> Path:
    """Makes one picture."""
    PICTURES.mkdir(exist_ok=True)
    if what == "cost":
        return draw_cost(Path(source))
    if source == MADE_UP:
        return photograph_made_up_report()
    return photograph_report(Path(source, "report", "index.html"))


if __name__ == "__main__":
    if len(sys.argv) != 3 or sys.argv[1] not in ("cost", "report"):
        raise SystemExit(__doc__)
    print(main(*sys.argv[1:]))
