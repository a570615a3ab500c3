"""The first stop: what the user has done, as the log tells it."""

from __future__ import annotations

import datetime
import math
from typing import Any

from rich.markup import escape
from rich.table import Table

from pipelines.text import MISSING
from pipelines.tour.person import Person
from pipelines.tour.step import Step
from pipelines.tour.words import Words
from preprocessing.features import (
    HISTORY_ITEM_ID,
    HISTORY_TIMESTAMP,
    USER_ID,
    RecordFeature,
    record_features,
)
from preprocessing.spec import DatasetSpec

SHOWN = 10


def history_step(spec: DatasetSpec, person: Person, words: Words) -> Step:
    """The most recent behaviours with all that the encoder reads of them."""
    about: list[str] = []
    for feature in _described_features(spec, "user"):
        about.append(f"{feature.field} {_shown(person.raw[feature.name])}")
    user = f"{person.user_id} ({', '.join(about)})" if about else person.user_id
    count = len(person.items)
    says = (
        f"User {user} has {count} behaviours that the model reads, the latest "
        f"{spec.history.length} of the log at most. These are the {min(SHOWN, count)} most recent, "
        "with what the encoder reads of each; of the time it reads, if anything, how long ago it "
        "is."
    )
    return Step("What the user has done", says, [_table(spec, person, words)])


def _table(spec: DatasetSpec, person: Person, words: Words) -> Table:
    own_columns = (HISTORY_ITEM_ID, HISTORY_TIMESTAMP)  # written as a title and as a date
    described = [
        feature
        for feature in _described_features(spec, "history")
        if feature.name not in own_columns
    ]
    titles = [feature.field for feature in described]
    table = Table("back", "item", *titles, "time (UTC)")
    for back in range(1, min(SHOWN, len(person.items)) + 1):
        seconds = person.raw[HISTORY_TIMESTAMP][-back]
        when = datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc)
        values = [_shown(person.raw[feature.name][-back]) for feature in described]
        cells = [words.title(person.items[-back]), *values, f"{when:%Y-%m-%d %H:%M}"]
        table.add_row(str(back), *map(escape, cells))
    return table


def _described_features(spec: DatasetSpec, side: str) -> list[RecordFeature]:
    """The features of a side, but for the user's id, which isn't one to describe."""
    found: list[RecordFeature] = []
    for feature in record_features(spec):
        if feature.side == side and feature.name != USER_ID:
            found.append(feature)
    return found


def _shown(value: Any) -> str:
    if isinstance(value, float):
        return MISSING if math.isnan(value) else f"{value:g}"
    return str(value).replace("|", ", ") or MISSING
