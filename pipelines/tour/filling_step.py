"""The second stop's text and tables: how well the encoder fills in what is hidden from it."""

from __future__ import annotations

from collections.abc import Sequence

from rich.markup import escape
from rich.table import Table

from pipelines.text import MISSING, count, percent
from pipelines.tour.filling import Features, Guess, fill_in
from pipelines.tour.step import Step
from pipelines.tour.words import Words
from preprocessing.hints import listed
from trainer.pretraining.objective import Objective

_TITLE = "What the encoder fills in"
_BEST = 5


def filling_step(objective: Objective, features: Features, words: Words, is_held_out: bool) -> Step:
    """Hides the most recent behaviour by each masking strategy, and tells what is filled in."""
    of_item = fill_in(objective, features, back=1, of_item=True)
    of_behavior = fill_in(objective, features, back=1, of_item=False)
    if not of_item:
        name = objective.config.objective
        return Step(
            _TITLE, f"Pre-training by “{name}” leaves no heads that could fill a hidden item in."
        )
    seen = "has learned from earlier behaviours of this user"
    if is_held_out:
        seen = "did not learn from this user"
    says = [
        f"The most recent behaviour is hidden, as in pre-training, which {seen}.",
        _item_says(of_item[0], words),
    ]
    if of_behavior:
        names = listed(guess.feature.field for guess in of_behavior)
        says.append(
            f"With the item shown and {names} hidden, the encoder says what the user did with it."
        )
    tables = [_best(of_item[0], words), _attributes([*of_item, *of_behavior], words)]
    return Step(_TITLE, " ".join(says), tables)


def _item_says(guess: Guess, words: Words) -> str:
    (truth,) = guess.truth
    return (
        f"Of {count(guess.values)} items, the hidden one, {words.of(guess.feature, truth)}, comes "
        f"in place {count(guess.place(truth))} with {percent(guess.probabilities[truth])}; an even "
        f"chance is {percent(1 / guess.values)}."
    )


def _best(guess: Guess, words: Words) -> Table:
    table = Table("place", "item in the hidden place", "probability")
    best = guess.best(_BEST)
    for index in dict.fromkeys([*best, *guess.truth]):  # each once
        word = escape(words.of(guess.feature, index))
        if index in guess.truth:
            word = f"[bold]{word}[/bold] (the hidden one)"
        probability = percent(guess.probabilities[index])
        table.add_row(count(guess.place(index)), word, probability)
    return table


def _attributes(guesses: Sequence[Guess], words: Words) -> Table:
    """A row for each hidden value, beside the value that the encoder thinks the likeliest.

    An attribute whose value the log doesn't know has one row that says so.
    """
    table = Table("hidden", "value", "probability", "place", "of", "likeliest", "probability")
    for guess in guesses:
        (best,) = guess.best()
        likeliest = [escape(words.of(guess.feature, best)), percent(guess.probabilities[best])]
        for index in guess.truth:
            value = [escape(words.of(guess.feature, index)), percent(guess.probabilities[index])]
            table.add_row(
                guess.feature.field,
                *value,
                count(guess.place(index)),
                count(guess.values),
                *likeliest,
            )
        if not guess.truth:
            table.add_row(
                guess.feature.field, "not known", MISSING, MISSING, count(guess.values), *likeliest
            )
    return table
