"""The comparison of two runs, from made-up results: what differs is said, and what does not is
not."""

from __future__ import annotations

import copy
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from pipelines.app import app
from pipelines.counts.scores import TestScores
from pipelines.errors import RunError
from pipelines.report.comparison.page import compare, render
from pipelines.report.comparison.pair import Pair
from pipelines.report.results import RunResults
from pipelines.report.stored import read_results
from pipelines.report.write import save
from tests.pipelines.report.test_report_page import CONTENT, HOSTILE, MADE, Page


def other_content() -> dict[str, Any]:
    """A run with one more layer, another seed, half of the training data, and 1.1 points more."""
    made = copy.deepcopy(CONTENT)
    metrics = made["metrics"]
    scores = metrics["tasks"]["like"]
    scores["auc"] = 0.7841
    scores["gauc"] = None
    scores["slices"]["popularity"]["tail"]["auc"] = 0.7310
    scores["slices"]["user_gender"] = {"X": {"auc": 0.6, "candidates": 9, "positives": 3}}
    trainer = metrics["config"]["trainer"]
    trainer["encoder"]["layers"] = 3
    trainer["seed"] = 8
    del metrics["config"]["evaluation"]["slices"]
    metrics["config"]["runs_dir"] = "elsewhere"
    metrics["stack"]["tfx"] = "1.21.0"
    metrics["seconds"]["Trainer.ranker"] = 60.0
    metrics["pretrain"]["year"]["accuracy"] = 0.4
    made["data"]["splits"]["train"]["candidates"] = 40_000
    made["finetune_curves"]["with_encoder"]["val_mean_auc"] = [0.7, 0.79, None]
    return made


def other(**changes: Any) -> RunResults:
    """The same, with parts of it replaced."""
    return RunResults.model_validate(other_content() | changes)


def pair_of(a: RunResults, b: RunResults) -> Pair:
    return Pair((Path("runs/before"), Path("runs/after")), (a, b))


def made_scores(better: float, seed: int = 1) -> TestScores:
    """Of 80 users; positives get `better` more than negatives."""
    rng = np.random.default_rng(seed)
    labels = np.random.default_rng(0).random(1600) < 0.4
    scores = rng.normal(size=1600) + better * labels
    return TestScores(np.repeat(np.arange(80), 20), {"like": labels}, {("ranker", "like"): scores})


@pytest.mark.usefixtures("without_pictures")
@pytest.mark.parametrize(
    ("scores", "said"),
    [
        ((made_scores(0.5), made_scores(1.5)), r"B less A \(95 % interval \+\S+ to \+\S+\)\."),
        ((made_scores(0.5), made_scores(0.51, 2)), "so it may be chance"),
    ],
)
def test_a_difference_has_its_interval_over_users(
    scores: tuple[TestScores, TestScores], said: str
) -> None:
    html = render(Pair((Path("before"), Path("after")), (MADE, other()), scores))
    assert re.search(said, Page(html).text)
    # A colour says that the difference is no chance.
    assert ("tile panel good" in html) == ("chance" not in said)


@pytest.mark.usefixtures("without_pictures")
def test_scores_of_other_candidates_are_not_paired() -> None:
    fewer = TestScores(np.arange(3), {"like": np.zeros(3)}, {("ranker", "like"): np.zeros(3)})
    for scores in ((made_scores(0.5), fewer), (made_scores(0.5), None), (None, None)):
        pair = Pair((Path("before"), Path("after")), (MADE, other()), scores)
        assert pair.gains == {} and "interval" not in Page(render(pair)).text


@pytest.fixture(scope="module")
def html() -> str:
    return render(pair_of(MADE, other()))


@pytest.mark.parametrize(
    "said",
    [
        "before (A), after (B)",
        "For “like”, run B reaches a test AUC 1.10 points above run A: 0.7731 and 0.7841.",
        "AUC (higher is better) 0.7731 0.7841 +0.0110",
        "GAUC (higher is better) 0.7118 – –",
        "AUC (higher is better), without the encoder 0.7597 0.7597 0.0000",
        "A runs/before 1764000000",
        "3 settings differ; the runs were made by different code or packages.",
        "trainer.encoder.layers 2 3",
        "trainer.seed 7 8",
        'evaluation.slices ["user_gender"] –',
        "tfx 1.16.0 1.21.0",
        "1 of 17 counts differ.",
        "Train: candidates 80,022 40,000 −40,022",
        "Test: candidates 10,046 10,046 0",
        (
            "The log goes, A's from 20 Sep 1997 to 22 Apr 1998 and B's from 20 Sep 1997 to 22 "
            "Apr 1998."
        ),
        (
            "In the 6 slices that have at least 500 test candidates in both runs, B less A goes "
            "from 0.00 to +4.06 points of AUC. How sure that is isn't known of slices."
        ),
        "The largest difference is +4.06 points, B less A, at “tail”.",
        "tail 0.6904 0.7310 +4.06 1,012 1,012",
        "No slice has 500 candidates in both runs, so nothing can be concluded.",
        "the validation AUC is 0.7801 in run A and 0.7900 in run B, a difference of +0.99 points.",
        "run A peaked at evaluation 4 of 7 and run B at 2 of 3.",
        "year 33.6 % 40.0 % +6.4",
        "The components took 7.6 min in run A and 5.5 min in run B.",
        "Trainer.ranker 3.1 min 60 s −2.1 min",
        "Trainer.baseline 61 s 61 s 0 s",
    ],
)
def test_says_what_differs(html: str, said: str) -> None:
    assert said in Page(html).text


def test_the_other_way_round_says_the_opposite() -> None:
    text = Page(render(pair_of(other(), MADE))).text
    assert (
        "For “like”, run A reaches a test AUC 1.10 points above run B: 0.7841 and 0.7731." in text
    )
    assert "tail 0.7310 0.6904 −4.06" in text and "trainer.seed 8 7" in text


def test_a_run_equals_itself() -> None:
    text = Page(render(pair_of(MADE, MADE))).text
    assert "For “like” both runs reach a test AUC of 0.7731." in text
    assert "The runs have the same settings, and were made by the same code and packages." in text
    assert "All counts are the same." in text and "not tested on the same candidates" not in text


def test_other_test_data_is_pointed_out() -> None:
    data = other_content()["data"]
    data["splits"]["test"]["candidates"] -= 1
    text = Page(render(pair_of(MADE, other(data=data)))).text
    assert "The runs were not tested on the same candidates" in text


def test_runs_without_a_common_task_are_compared_in_all_else() -> None:
    metrics = other_content()["metrics"]
    for key in ("tasks", "baseline_without_encoder"):
        metrics[key] = {"buy": metrics[key]["like"]}
    text = Page(render(pair_of(MADE, other(metrics=metrics)))).text
    assert "The runs have no task in common." in text and "trainer.seed 7 8" in text


def test_is_a_page_like_the_report(html: str) -> None:
    page = Page(html)
    assert len(page.ids) == len(set(page.ids))
    assert {reference[1:] for reference in page.references} <= set(page.ids)
    pictures = re.findall(r"<svg.*?</svg>", html, re.DOTALL)
    assert len(pictures) == 5  # history length, popularity, gender, loss, AUC
    figures = re.findall(r"<figure.*?</figure>", html, re.DOTALL)
    assert len(figures) == 5
    for figure in figures:
        assert re.search(r"<h3>.+?</h3><p>.+?</p>", figure)


def test_text_of_the_runs_is_escaped() -> None:
    metrics = other_content()["metrics"]
    metrics["config"]["trainer"][HOSTILE] = HOSTILE
    page = Page(render(pair_of(MADE, other(metrics=metrics))))
    assert page.tags.count("script") == 1 and HOSTILE in page.text


def finished(folder: Path, results: RunResults) -> Path:
    save(results, folder / "report")
    return folder


@pytest.mark.usefixtures("without_pictures")
def test_what_a_report_stores_is_what_a_comparison_reads(tmp_path: Path) -> None:
    run = finished(tmp_path / "run", MADE)
    assert read_results(run) == MADE
    assert json.loads((run / "report" / "results.json").read_text()) == json.loads(
        json.dumps(CONTENT)
    )


@pytest.mark.usefixtures("without_pictures")
def test_results_of_another_version_are_not_read(tmp_path: Path) -> None:
    run = finished(tmp_path / "run", MADE)
    path = run / "report" / "results.json"
    path.write_text(json.dumps(CONTENT | {"future": 1}))
    with pytest.raises(
        RunError, match=r"another version \(future: .*`srp4ctr report .*` writes it again"
    ):
        read_results(run)


@pytest.mark.slow
def test_the_command_writes_the_page(tmp_path: Path) -> None:
    a = finished(tmp_path / "a", MADE)
    b = finished(tmp_path / "b", other())
    done = CliRunner().invoke(app, ["compare", str(a), str(b)])
    assert done.exit_code == 0, done.output
    assert "trainer.seed" in (b / "report" / "comparison.html").read_text()
    assert compare(a, b, tmp_path / "new" / "page.html").is_file()


@pytest.mark.usefixtures("without_pictures")
@pytest.mark.parametrize(
    ("made", "why"),
    [
        (False, "no such directory. Give a run's"),
        (True, "no finished run .* `srp4ctr run` makes one"),
    ],
)
def test_a_folder_without_a_finished_run_is_refused(tmp_path: Path, made: bool, why: str) -> None:
    run = finished(tmp_path / "run", MADE)
    broken = tmp_path / "broken"
    if made:
        broken.mkdir()
    for places in ((run, broken), (broken, run)):
        with pytest.raises(RunError, match=f"broken: {why}"):
            compare(*places)
