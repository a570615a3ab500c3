"""The data report of preprocessing (data_report.json), typed."""

from __future__ import annotations

from pipelines.content import Content, Kept, Number


class TableRows(Content):
    """Rows of a table: those read, and those of them that were rejected, by reason.

    Where lists are taken apart, also how many entries they have, and those of other rows that were
    rejected.
    """

    read: int
    rejected: dict[str, int]
    entries: int | None = None
    rejected_entries: dict[str, int] = {}


class CutOffs(Content):
    """Where time was cut, in ISO 8601.

    `train_from` and `until` are there only where something lies beyond them.
    """

    validation_from: str
    test_from: str
    train_from: str | None = None
    until: str | None = None


class Lengths(Content):
    """How long lists are: their mean, and percentiles by number; empty where there are none."""

    mean: Number = None
    percentiles: dict[str, int] = {}


class SplitReport(Kept):
    """What a split holds.

    Attributes:
        records: How many records it has.
        requests: How many requests these are; a large one has several records.
        candidates: How many candidates they have.
        sampled: Candidates that are sampled negatives.
        missing_negatives: Those that could not be drawn.
        too_recent: Candidates left out because their attribution window wasn't over.
        bytes: The size of its records.
        file_bytes: What they take when they are compressed.
        label_rate: The share of positive candidates by task.
        positives: How many candidates are positive, by task.
        label_rules: How well a rule without a model ranks, by task and rule.
        bytes_a_candidate: `bytes` by candidate.
        file_bytes_a_candidate: `file_bytes` by candidate.
        candidates_a_request: How many a request has.
    """

    records: int
    requests: int
    candidates: int
    sampled: int = 0
    missing_negatives: int = 0
    too_recent: int = 0
    bytes: int
    file_bytes: int = 0
    label_rate: dict[str, float]
    positives: dict[str, int] = {}
    label_rules: dict[str, dict[str, Number]] = {}
    bytes_a_candidate: Number = None
    file_bytes_a_candidate: Number = None
    candidates_a_request: Lengths = Lengths()


class DataReport(Kept):
    """What was read and what became of it.

    Attributes:
        dataset: The data set's name.
        rows: How many rows were read and rejected, by table.
        bytes: How many bytes were read, and how many of a broken file were lost, by table.
        first_event: The earliest event's time, in ISO 8601.
        last_event: The latest event's.
        warnings: What is odd about the times.
        cut_offs: Where time was cut.
        splits: By name.
        requests_outside_the_splits: How many, by reason.
        requests_cut: How many, by reason.
        history_length: How long histories are.
        history_events: How many events there are, and how many of them may enter histories.
        items: How many there are.
        joins: Rows that find one in another table, by table.
        missing_examples: Frequent keys that have no row in a table, by table.
        label_values: How often a label's column has each value, by task.
        users: How many there are.
        duplicate_keys: Rows that repeat a key, by table.
        conflicting_keys: Keys whose rows differ, by table.
        conflict_examples: One of them by table: its column and value, a column in which its rows
            differ, the value that is used there, and another.
        odd_ids: Events whose id looks as if there were none, by `user` or `item` and id.
        item_changes: Of item features that are read from the events, how often a value isn't the
            item's last one.
        zones: Where some times of a table name a zone and others don't: how many, by table and
            `named` or `not_named`, under an example.
        statistic_events: How many events a statistic counts, by statistic.
        statistic_values: Where its `where` lets in none, what its columns hold, by statistic and
            column.
        statistic_seen: How many of its events a request may see, which sees steps before its own.
        statistic_positives: How many of these are positive by then, by statistic and task.
        empty_features: Features that have no value in any request.
        feature_auc: How well each feature alone tells a label, by task and feature.
    """

    dataset: str
    rows: dict[str, TableRows]
    bytes: dict[str, dict[str, int]] = {}
    first_event: str
    last_event: str
    warnings: list[str] = []
    cut_offs: CutOffs
    splits: dict[str, SplitReport]
    requests_outside_the_splits: dict[str, int] = {}
    requests_cut: dict[str, int] = {}
    history_length: Lengths
    history_events: dict[str, int] = {}
    items: int
    joins: dict[str, dict[str, int]] = {}
    missing_examples: dict[str, list[str]] = {}
    label_values: dict[str, dict[str, int]] = {}
    users: int
    duplicate_keys: dict[str, int]
    conflicting_keys: dict[str, int] = {}
    conflict_examples: dict[str, dict[str, str]] = {}
    odd_ids: dict[str, dict[str, int]] = {}
    item_changes: dict[str, Number] = {}
    zones: dict[str, dict[str, dict[str, int]]] = {}
    statistic_events: dict[str, int] = {}
    statistic_values: dict[str, dict[str, dict[str, int]]] = {}
    statistic_seen: dict[str, int] = {}
    statistic_positives: dict[str, dict[str, int]] = {}
    empty_features: list[str] = []
    feature_auc: dict[str, dict[str, Number]] = {}
