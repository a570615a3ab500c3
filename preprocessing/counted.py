"""A run's counters, added up and by what they count: the data report is made of them.

A counter is named by a tuple. Its first part is one of the attributes of Counted, the others are
the keys of that attribute's mappings: `("splits", "train", "requests")`, `("users",)`.
"""

from __future__ import annotations

import dataclasses
from typing import Any, TypeAlias

from preprocessing.counts import Counts, nested

Numbers: TypeAlias = dict[str, int]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Counted:
    """How often what happened in a run.

    Attributes:
        rows: By table: rows `read`, `entries` of their lists, and by reason those `rejected` and
            `rejected_entries`.
        bytes: By table: those `read`, and those `lost` after a break.
        splits: By split, see CountedSplit.
        history_length: Requests, by the length of the user's history.
        history_events: Events, `all` and those `entering` histories.
        outside: Requests outside of the splits, by why: `history_only` or `labels_only`.
        requests_cut: Requests that are only a part of one, by why: `at_cut_off` or `too_long`.
        joins: By table that is joined: see `joins.match_counts`.
        missing_keys: By table: rows with an id that the table doesn't have, by that id.
        label_values: By task of which nothing is positive: rows, by what the label's column holds.
        odd_ids: By column: rows, by an id that looks as if there were none.
        users: Users.
        items: Items.
        duplicate_keys: By table: rows that repeat a key.
        conflicting_keys: By table: keys whose rows differ.
        conflict_examples: By table: such keys, see `conflicts.conflict_examples`.
        item_changes: By item feature: pairs of events of an item that were `compared`, and those in
            which it `changed`.
        feature_auc: By task, feature and part of the log: see `leaks.feature_auc`.
        zones: By table, and whether the time names a zone: rows, by an example.
        statistic_events: By statistic: events that it counts.
        statistic_values: By statistic that counts nothing and column of its condition: events, by
            what the column holds.
        statistic_seen: By statistic: those of its events that a request can see.
        statistic_positives: By statistic: those that are positive in time for that, by task.
    """

    rows: dict[str, dict[str, Any]] = dataclasses.field(default_factory=dict)
    bytes: dict[str, Numbers] = dataclasses.field(default_factory=dict)
    splits: dict[str, dict[str, Any]] = dataclasses.field(default_factory=dict)
    history_length: Numbers = dataclasses.field(default_factory=dict)
    history_events: Numbers = dataclasses.field(default_factory=dict)
    outside: Numbers = dataclasses.field(default_factory=dict)
    requests_cut: Numbers = dataclasses.field(default_factory=dict)
    joins: dict[str, Numbers] = dataclasses.field(default_factory=dict)
    missing_keys: dict[str, Numbers] = dataclasses.field(default_factory=dict)
    label_values: dict[str, Numbers] = dataclasses.field(default_factory=dict)
    odd_ids: dict[str, Numbers] = dataclasses.field(default_factory=dict)
    users: int = 0
    items: int = 0
    duplicate_keys: Numbers = dataclasses.field(default_factory=dict)
    conflicting_keys: Numbers = dataclasses.field(default_factory=dict)
    conflict_examples: dict[str, Any] = dataclasses.field(default_factory=dict)
    item_changes: dict[str, Numbers] = dataclasses.field(default_factory=dict)
    feature_auc: dict[str, dict[str, Any]] = dataclasses.field(default_factory=dict)
    zones: dict[str, Any] = dataclasses.field(default_factory=dict)
    statistic_events: Numbers = dataclasses.field(default_factory=dict)
    statistic_values: dict[str, dict[str, Numbers]] = dataclasses.field(default_factory=dict)
    statistic_seen: Numbers = dataclasses.field(default_factory=dict)
    statistic_positives: dict[str, Numbers] = dataclasses.field(default_factory=dict)

    @classmethod
    def of(cls, counts: Counts) -> Counted:
        """Sorts counters, of which none may have a name that Counted doesn't know."""
        return cls(**nested(counts))

    def split(self, name: str) -> CountedSplit:
        """The counters of a split."""
        return CountedSplit(**self.splits[name])


@dataclasses.dataclass(frozen=True, kw_only=True)
class CountedSplit:
    """What a split has.

    Attributes:
        records: Records.
        requests: Requests; one with many candidates has several records.
        candidates: Candidates.
        sampled: Candidates that are sampled negatives.
        missing_negatives: Negatives that could not be drawn.
        too_recent: Candidates that were left out because their attribution window wasn't over.
        bytes: Of its records.
        file_bytes: What `bytes` come to when they are compressed.
        positives: Positive candidates, by task.
        popularity: By task: see `popularity.rules`.
        candidates_a_request: Requests, by how many candidates they have.
    """

    records: int = 0
    requests: int = 0
    candidates: int = 0
    sampled: int = 0
    missing_negatives: int = 0
    too_recent: int = 0
    bytes: int = 0
    file_bytes: int = 0
    positives: Numbers = dataclasses.field(default_factory=dict)
    popularity: dict[str, dict[str, Numbers]] = dataclasses.field(default_factory=dict)
    candidates_a_request: Numbers = dataclasses.field(default_factory=dict)
