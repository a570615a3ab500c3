"""The tour of a small run: what each stop shows is what the models do, and nothing hidden shines
through."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from rich.console import Console

from pipelines.config import load_run_config
from pipelines.errors import RunError
from pipelines.finished import config_of
from pipelines.report.blocks import WITH, WITHOUT
from pipelines.tour.attention import attention_by_layer, attention_step
from pipelines.tour.filling import fill_in, hidden_at
from pipelines.tour.filling_step import filling_step
from pipelines.tour.history import history_step
from pipelines.tour.models import TourModels, load_models
from pipelines.tour.person import Person, held_out_users, longest, read_person
from pipelines.tour.ranking import Ranking, rank_with_all, ranking_step
from pipelines.tour.step import Step
from tests.pipelines.conftest import SmallRun, srp4ctr, write_run

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def models(small_run: SmallRun) -> TourModels:
    return load_models(config_of(small_run.config.paths.root))


@pytest.fixture(scope="module")
def person(small_run: SmallRun, models: TourModels) -> Person:
    return read_person(small_run.config.spec, longest(held_out_users(models.held_out)))


@pytest.fixture(scope="module")
def features(models: TourModels, person: Person) -> dict[str, tf.Tensor]:
    return models.module.user_features(person.tensors(models.module.spec))


def text_of(step: Step) -> str:
    console = Console(file=io.StringIO(), width=200)
    console.print(step.title, step.says, *step.tables)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_the_command_walks_through_all_stops(
    small_run: SmallRun, models: TourModels, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipelines.tour.models.load_models", lambda config: models)  # loaded once
    done = srp4ctr("tour", small_run.config_path, "--user", "u1")
    assert done.returncode == 0, done.stderr
    titles = [
        "What the user has done",
        "What the encoder fills in",
        "What the candidate looks at",
        "The ranking with",
    ]
    assert [f"{number}. {title}" in done.stdout for number, title in enumerate(titles, 1)] == [
        True
    ] * 4
    assert done.stdout.count("Item ") > 20 and "User u1" in done.stdout


def test_the_user_is_one_that_pretraining_did_not_learn_from(
    models: TourModels, person: Person
) -> None:
    held_out = held_out_users(models.held_out)
    trained = held_out_users(models.held_out.replace("pretrain_validation", "pretrain"))
    assert held_out and not held_out.keys() & trained.keys()
    assert held_out[person.user_id] == max(held_out.values())


@pytest.mark.parametrize(("user", "why"), [("stranger", "not in the log")])
def test_a_user_without_history_is_refused(small_run: SmallRun, user: str, why: str) -> None:
    with pytest.raises(RunError, match=f"user {user}.*{why}.*--user"):
        read_person(small_run.config.spec, user)


def test_history_shows_the_latest_behaviours_first(models: TourModels, person: Person) -> None:
    said = text_of(history_step(models.module.spec, person, models.words))
    rows = [line for line in said.splitlines() if "│" in line and "UTC" not in line]
    latest = [models.words.title(item) for item in person.items[::-1]]
    assert [row.split("│")[2].strip() for row in rows] == latest[:10]


@pytest.mark.parametrize("of_item", [True, False])
def test_what_is_hidden_can_not_be_seen(
    models: TourModels, features: dict[str, tf.Tensor], of_item: bool
) -> None:
    """Another behaviour in the hidden place leads to the very same guesses; in another place it
    does not."""
    fields = models.objective.encoder.fields
    hidden = fields.item if of_item else fields.behavior
    last = {field.name: _other(features[field.name], -1) for field in hidden}
    first = {field.name: _other(features[field.name], 0) for field in hidden}
    expected = fill_in(models.objective, features, back=1, of_item=of_item)
    for changed, is_same in ((features | last, True), (features | first, False)):
        guesses = fill_in(models.objective, changed, back=1, of_item=of_item)
        pairs = zip(guesses, expected, strict=True)
        assert all(np.array_equal(a.probabilities, b.probabilities) for a, b in pairs) == is_same


def _other(values: tf.Tensor, at: int) -> tf.Tensor:
    changed = values.numpy()
    changed[0, at] = np.where(changed[0, at] == 1, 2, 1)
    return tf.constant(changed)


def test_only_the_cell_asked_for_is_hidden(
    models: TourModels, features: dict[str, tf.Tensor]
) -> None:
    fields = models.objective.encoder.fields.of("history")
    seen = hidden_at(features, fields, back=2, of_item=True)
    for field in fields:
        cells = (
            (seen[field.name] != features[field.name])
            .numpy()
            .reshape(1, len(seen[field.name][0]), -1)
            .any(-1)
        )
        assert not cells[0, :-2].any() and not cells[0, -1]
        assert cells[0, -2] == field.feature.describes_item


def test_guesses_are_probabilities_and_know_their_place(
    models: TourModels, features: dict[str, tf.Tensor]
) -> None:
    guesses = fill_in(models.objective, features, back=1, of_item=True)
    assert [guess.feature.field for guess in guesses] == ["item_id", "tags", "weight"]
    item, tags, _ = guesses
    assert item.probabilities.sum() == pytest.approx(1, abs=1e-5) and item.probabilities[0] == 0
    assert item.truth == (int(features["history_item_id"][0, -1]),)
    assert [item.place(index) for index in item.best(3)] == [1, 2, 3]
    assert ((tags.probabilities >= 0) & (tags.probabilities <= 1)).all()


def test_filling_says_where_the_hidden_item_comes(
    models: TourModels, features: dict[str, tf.Tensor]
) -> None:
    said = text_of(filling_step(models.objective, features, models.words, is_held_out=True))
    (item, *_) = fill_in(models.objective, features, back=1, of_item=True)
    assert "did not learn from this user" in said and said.count("(the hidden one)") == 1
    assert f"comes in place {item.place(item.truth[0])} " in said
    assert all(f"│ {name} " in said for name in ("item_id", "weight", "action", "gap"))


def test_an_objective_without_heads_says_so(
    models: TourModels, features: dict[str, tf.Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(models.objective, "heads", {})
    assert (
        "leaves no heads"
        in filling_step(models.objective, features, models.words, is_held_out=True).says
    )


def test_attention_is_shared_out_among_the_behaviours(models: TourModels, person: Person) -> None:
    layers = attention_by_layer(models.module, person.tensors(models.module.spec), "i1")
    assert layers is not None
    assert layers.shape == (2, len(person.items)) and (layers > 0).all()
    np.testing.assert_allclose(layers.sum(1), 1, rtol=1e-6)


def test_attention_shows_the_most_attended_first(models: TourModels, person: Person) -> None:
    layers = attention_by_layer(models.module, person.tensors(models.module.spec), "i1")
    assert layers is not None
    said = text_of(attention_step(models.module, person, "i1", models.words))
    most = int(layers.mean(0).argmax())
    row = next(line for line in said.splitlines() if line.startswith("│"))
    back, title = (cell.strip() for cell in row.split("│")[1:3])
    assert (int(back), title) == (len(person.items) - most, models.words.title(person.items[most]))


def test_padding_is_no_behaviour(models: TourModels, person: Person) -> None:
    raw = {}
    for name, values in person.raw.items():
        raw[name] = values[:3] if name.startswith("history_") else values
    step = attention_step(models.module, Person(person.user_id, raw), "i1", models.words)
    assert "100.0 % go to 3 of 3 behaviours, where an even share would be 100.0 %" in step.says
    assert step.tables[0].row_count == 3


def test_a_ranker_without_uni_cross_attention_says_so(
    models: TourModels, person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(models.module, "attention_weights", lambda *_: None)
    assert (
        "no Uni Cross-Attention" in attention_step(models.module, person, "i1", models.words).says
    )


def test_the_rankings_are_those_of_the_exported_models(models: TourModels, person: Person) -> None:
    """Scored in parts, and by the Keras model from whose weights the attention is shown."""
    user = person.tensors(models.module.spec)
    items = models.words.items()
    for scorer in models.scorers.values():
        scorer._max_candidates = 7
    rankings = rank_with_all(models.scorers, user, items, "buy")
    raw = {"candidate_item_id": tf.constant([items])}
    exact = models.module.scores(models.module.user_state(user), raw)["buy"][0].numpy()
    np.testing.assert_allclose(
        [rankings[WITH].probabilities[item] for item in items], exact, atol=1e-5
    )
    assert rankings[WITH].probabilities != rankings[WITHOUT].probabilities


def test_the_ranking_names_the_item_that_rises_most(models: TourModels) -> None:
    items = [f"i{number}" for number in range(20)]
    ours = Ranking(items, np.linspace(1, 0, 20))
    without = Ranking(items, np.linspace(0, 1, 20))
    said = ranking_step({WITH: ours, WITHOUT: without}, models.words, "buy").says
    assert (
        "Of the first 10, 0 are the same" in said
        and "lifts Item 0 the most, from place 20 to 1" in said
    )


def test_a_user_whom_the_log_has_not_is_refused_before_models_are_loaded(tmp_path: Path) -> None:
    config_path = write_run(tmp_path)
    config = load_run_config(config_path)
    config.paths.root.mkdir(parents=True)
    (config.paths.root / "config.json").write_text(config.model_dump_json())
    done = srp4ctr("tour", config_path, "--user", "nobody")  # of a run that has no models
    assert done.returncode == 1
    assert "user nobody is not in the log" in done.stderr
    assert "Loading" not in done.stdout


def test_a_config_without_a_run_is_refused(small_run: SmallRun) -> None:
    path = small_run.config_path.parent / "never_run.yaml"
    path.write_text(small_run.config_path.read_text().replace("name: small", "name: never_run"))
    done = srp4ctr("tour", path)
    assert (
        done.returncode == 1
        and "there is no run to walk through. Make one: srp4ctr run" in done.stderr
    )
