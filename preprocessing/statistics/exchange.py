"""The tables that shards of users and shards of keys exchange.

There are tables of what happened, of what is asked, and of the answers. All have the columns `key`
and `step`; what happened and the answers have columns of numbers beside them.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from preprocessing.entities import as_array
from preprocessing.sources.columns import KEY
from preprocessing.spec_statistics import Statistic
from preprocessing.statistics.keys import codes_in, distinct
from preprocessing.statistics.occurrences import Occurrences
from preprocessing.statistics.step_counts import StepCounts, summed
from preprocessing.tables import TIME_BITS, encode_strings, keyed_times

STEP = "step"


def count_by_key(occurrences: Occurrences, keys: pa.Array, step: int) -> pa.Table:
    """What events did to their keys, a row for each key and step.

    Args:
        occurrences: The events.
        keys: Their keys, strings [C].
        step: Its length, seconds.
    """
    values = distinct(keys)
    codes, steps, amounts = summed(*occurrences.by_step(codes_in(values, keys), step))
    return _table(values.take(pa.array(codes)), steps, amounts)


def total_by_step(occurrences: Occurrences, step: int) -> pa.Table:
    """What events did to all keys together, under key ""; a row for each step."""
    together = np.zeros(len(occurrences.events), np.int64)
    _, steps, amounts = summed(*occurrences.by_step(together, step))
    return _table(pa.array([""] * len(steps), pa.string()), steps, amounts)


def merged(table: pa.Table) -> pa.Table:
    """Adds up the rows of a key and step."""
    keys = encode_strings(table.column(KEY))
    codes, steps, amounts = summed(keys.codes, table.column(STEP).to_numpy(), amounts_of(table))
    return _table(keys.values.take(pa.array(codes)), steps, amounts)


def question_table(keys: pa.Array, stops: np.ndarray) -> pa.Table:
    """The keys and steps that requests ask about, each pair once.

    Args:
        keys: Strings [Q].
        stops: int64 [Q], the first step that doesn't count.
    """
    values = distinct(keys)
    codes = codes_in(values, keys)
    known = codes >= 0
    pairs = np.unique(keyed_times(codes[known], stops[known]))
    # The way back from keyed_times.
    code = pairs >> TIME_BITS
    step = pairs & (1 << TIME_BITS) - 1
    return pa.table({KEY: values.take(pa.array(code)), STEP: pa.array(step)})


class KeyCounts:
    """What happened to some keys.

    Args:
        table: As from `count_by_key`, of any number of shards, every row of its keys.
    """

    def __init__(self, table: pa.Table) -> None:
        keys = encode_strings(table.column(KEY))
        self.keys = keys.values
        self._counts = StepCounts(keys.codes, table.column(STEP).to_numpy(), amounts_of(table))

    def before(self, keys: pa.Array, stops: np.ndarray, statistic: Statistic) -> np.ndarray:
        """See StepCounts; int64 [Q, windows, columns]."""
        codes = codes_in(self.keys, keys)
        known = np.where(codes < 0, len(self.keys), codes)
        return self._counts.before(known, stops, statistic.steps_a_window, statistic.recency)

    def answer(self, question: pa.Table, statistic: Statistic) -> pa.Table:
        """Answers a table of `question_table`: the counts of each of the statistic's windows.

        Rows without any count are left out.
        """
        stops = question.column(STEP).to_numpy()
        counts = self.before(as_array(question.column(KEY)), stops, statistic)
        # Not -1 for the second: without any question, numpy couldn't tell it.
        flat = counts.reshape(len(stops), counts.shape[1] * counts.shape[2])
        kept = np.flatnonzero(flat.any(axis=1))
        keys = as_array(question.column(KEY)).take(pa.array(kept))
        return _table(keys, stops[kept], flat[kept])

    def at(self, stop: int, statistic: Statistic) -> pa.Table:
        """The counts of all keys as they stood before one step, as from `answer`."""
        question = pa.table({KEY: self.keys, STEP: np.full(len(self.keys), stop)})
        return self.answer(question, statistic)


class Answers:
    """What was answered to a shard.

    Args:
        table: The answers of any number of shards of keys.
        windows: How many windows they are about.
    """

    def __init__(self, table: pa.Table, windows: int) -> None:
        keys = encode_strings(table.column(KEY))
        places = keyed_times(keys.codes, table.column(STEP).to_numpy())
        order = np.argsort(places)
        counts = counts_of(table, windows)[order]
        self._keys = keys.values
        self._places = places[order]
        # One more row, of zeros, for what has no answer.
        nothing = np.zeros((1, *counts.shape[1:]), np.int64)
        self._counts = np.concatenate([counts, nothing])

    def before(self, keys: pa.Array, stops: np.ndarray) -> np.ndarray:
        """What was answered; zeros where nothing was: int64 [Q, windows, columns]."""
        codes = codes_in(self._keys, keys)
        wanted = keyed_times(np.where(codes < 0, len(self._keys), codes), stops)
        rows = np.searchsorted(self._places, wanted)
        found = np.append(self._places, -1)[rows] == wanted
        return self._counts[np.where(found, rows, len(self._places))]


def amounts_of(table: pa.Table) -> np.ndarray:
    """The numbers of a table, int64 [rows, columns]."""
    names = [name for name in table.column_names if name not in (KEY, STEP)]
    return np.stack([table.column(name).to_numpy() for name in names], axis=1)


def counts_of(table: pa.Table, windows: int) -> np.ndarray:
    """The numbers of a table of answers, int64 [rows, windows, columns]; there may be no rows."""
    amounts = amounts_of(table)
    return amounts.reshape(len(amounts), windows, amounts.shape[1] // windows)


def _table(keys: pa.Array, steps: np.ndarray, amounts: np.ndarray) -> pa.Table:
    columns = {str(number): pa.array(column) for number, column in enumerate(amounts.T)}
    return pa.table({KEY: keys, STEP: pa.array(steps), **columns})
