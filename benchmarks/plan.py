"""What a service of some size takes: measured coefficients times counts.

    python -m benchmarks.plan
    python -m benchmarks.plan --users 5e6 --requests 2000 --vcpu-hour 0.05

Each line of the table names the coefficient that it comes from, and docs/scale.md the command and
the date of each. What was measured by the clock is times the cores of the machine that measured it.
A line is as good as its coefficient is linear: what was measured on one machine is taken times as
much. Prices are arguments, since no command of this repository measures them.
"""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Sequence

_HOUR = 3600.0
_DAY_HOURS = 24
_REDIS = "Redis, states of who comes that day"
_DAY = "all of a day's jobs"
_TRAFFIC = "network, each of two ways"


@dataclasses.dataclass(frozen=True)
class Counts:
    """The size of a service.

    Attributes:
        users: Users with a history.
        active: The share of them that come on a day.
        items: Items of the catalogue.
        events: Candidates shown a day, ten a request, each a row of the log.
        evaluated: Candidates of the test split that the Evaluator gets.
        requests: Requests a second at the busiest time, of 100 candidates.
        load: The share of its capacity that a server is given.
    """

    users: float = 100e6
    active: float = 0.3
    items: float = 10e6
    events: float = 10e9
    evaluated: float = 30e6
    requests: float = 100e3
    load: float = 0.7


@dataclasses.dataclass(frozen=True)
class Coefficients:
    """What was measured; where and when is in docs/scale.md.

    Attributes:
        cores: Cores of the machine of every measurement, all taken as busy in what was measured by
            the clock.
        records_cpu: CPU seconds of the job that makes records, a million candidates.
        statistics: Those with statistics of items, users and pairs over those without.
        statistics_gen_cpu: CPU seconds of StatisticsGen, a million candidates.
        transform_cpu: CPU seconds of Transform, a million candidates.
        trained: Candidates a second that fine-tuning takes, ten a request.
        pretrain_step: Seconds of a pre-training step of `windows` with a million items.
        windows: Windows a step.
        evaluated_a_second: Candidates that the Evaluator takes.
        encode: Seconds of `encode_user`, a history of 200.
        score: Seconds of `score_items`, 100 candidates and a cached state.
        predict: Seconds of `predict`, 100 candidates.
        state_bytes: A float16 state of 200 behaviours.
        int8: Bytes of an int8 state over those of a float16 one.
        item_bytes: Bytes of the SavedModel an item.
        load_start: Seconds of a server's start without items.
        load_item: Seconds of a server's start an item.
        memory_start: Bytes of a server's memory without items.
        memory_item: Bytes of a server's memory an item of each version that it serves.
    """

    cores: float = 2
    records_cpu: float = 1e6 / 149_000
    statistics: float = 27.1 / 16.3
    statistics_gen_cpu: float = 1e6 / 58_000
    transform_cpu: float = 1e6 / 43_000
    trained: float = 18_102
    pretrain_step: float = 0.0783
    windows: float = 256
    evaluated_a_second: float | None = 17_000
    encode: float = 0.0045
    score: float = 0.0051
    predict: float = 0.0067
    state_bytes: float = 129_104
    int8: float = 22_800 / 42_696
    item_bytes: float | None = 353
    load_start: float = 1.6
    load_item: float | None = (75 - 16.3) / 4e6
    memory_start: float = 0.81e9
    memory_item: float | None = 448


@dataclasses.dataclass(frozen=True)
class Prices:
    """What a cloud charges; US dollars.

    Attributes:
        vcpu_hour: A virtual core with its share of memory.
        gib_hour: A GiB of memory in Redis.
    """

    vcpu_hour: float = 0.04
    gib_hour: float = 0.01


@dataclasses.dataclass(frozen=True)
class Line:
    """A line of the plan.

    Attributes:
        what: What it takes.
        how: Coefficient times count.
        amount: How much.
        unit: Of what.
        dollars: A day; None where it has no price of its own.
    """

    what: str
    how: str
    amount: float
    unit: str
    dollars: float | None = None


def plan(counts: Counts, measured: Coefficients, prices: Prices) -> list[Line]:
    """The lines of the plan."""
    return [
        *_daily(counts, measured, prices),
        *_serving(counts, measured, prices),
        *_catalogue(counts, measured),
    ]


def _daily(counts: Counts, measured: Coefficients, prices: Prices) -> list[Line]:
    """What is done once a day."""
    millions = counts.events / 1e6
    steps = counts.users / measured.windows
    records = millions * measured.records_cpu
    lines = [
        ("records", "records_cpu x events", records),
        ("statistics in them", "the same x (statistics - 1)", records * (measured.statistics - 1)),
        ("StatisticsGen", "statistics_gen_cpu x events", millions * measured.statistics_gen_cpu),
        ("Transform", "transform_cpu x events", millions * measured.transform_cpu),
        (
            "fine-tuning, one pass",
            "cores x events / trained",
            measured.cores * counts.events / measured.trained,
        ),
        (
            "pre-training, a window a user",
            "cores x pretrain_step x users / windows",
            measured.cores * steps * measured.pretrain_step,
        ),
        (
            "states of who comes that day",
            "cores x encode x users x active",
            measured.cores * counts.users * counts.active * measured.encode,
        ),
    ]
    if measured.evaluated_a_second is not None:
        seconds = measured.cores * counts.evaluated / measured.evaluated_a_second
        how = "cores x evaluated / evaluated_a_second"
        lines.append(("Evaluator, each model", how, seconds))
    lines.append((_DAY, "the sum of the lines above", sum(seconds for _, _, seconds in lines)))
    found: list[Line] = []
    for what, how, seconds in lines:
        hours = seconds / _HOUR
        found.append(Line(what, how, hours, "CPU-hours", hours * prices.vcpu_hour))
    return found


def _serving(counts: Counts, measured: Coefficients, prices: Prices) -> list[Line]:
    """What is there all day, for the busiest time."""
    busy = counts.requests / counts.load * measured.cores
    with_states = busy * measured.score
    without = busy * measured.predict
    of_cores = _DAY_HOURS * prices.vcpu_hour
    redis = counts.users * counts.active * measured.state_bytes / 2**30
    of_memory = _DAY_HOURS * prices.gib_hour
    traffic = counts.requests * measured.state_bytes * 8 / 1e9
    lines = [
        (
            "servers, states cached",
            "cores x score x requests / load",
            with_states,
            "cores",
            of_cores,
        ),
        (f"{_REDIS}, float16", "state_bytes x users x active", redis, "GiB", of_memory),
        (f"{_REDIS}, int8", "the same x int8", redis * measured.int8, "GiB", of_memory),
        (f"{_TRAFFIC}, float16", "state_bytes x requests", traffic, "Gbit/s", None),
        (f"{_TRAFFIC}, int8", "the same x int8", traffic * measured.int8, "Gbit/s", None),
        (
            "servers, no states (`predict`)",
            "cores x predict x requests / load",
            without,
            "cores",
            of_cores,
        ),
    ]
    found: list[Line] = []
    for what, how, amount, unit, price in lines:
        dollars = None if price is None else amount * price
        found.append(Line(what, how, amount, unit, dollars))
    return found


def _catalogue(counts: Counts, measured: Coefficients) -> list[Line]:
    """What each server has of the catalogue."""
    lines = []
    if measured.item_bytes is not None:
        size = measured.item_bytes * counts.items / 2**30
        lines.append(Line("SavedModel", "item_bytes x items", size, "GiB"))
    if measured.load_item is not None:
        seconds = measured.load_start + measured.load_item * counts.items
        lines.append(Line("start of a server", "load_start + load_item x items", seconds, "s"))
    if measured.memory_item is not None:
        for versions, what in ((1, "one version"), (2, "two, as serving/deploy has it")):
            size = (measured.memory_start + versions * measured.memory_item * counts.items) / 2**30
            how = "memory_start + memory_item x items x versions"
            lines.append(Line(f"memory of a server, {what}", how, size, "GiB"))
    return lines


def table(lines: Sequence[Line]) -> str:
    """The plan as Markdown."""
    rows = ["| what | coefficient x count | amount | dollars a day |", "| --- | --- | --- | --- |"]
    for line in lines:
        dollars = "" if line.dollars is None else _rounded(line.dollars)
        rows.append(
            f"| {line.what} | {line.how} | {_rounded(line.amount)} {line.unit} | {dollars} |"
        )
    return "\n".join(rows)


def _rounded(number: float) -> str:
    """Three digits, as more would say what nobody knows."""
    return f"{float(f'{number:.3g}'):,.10g}"


def main() -> None:
    """The script."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for kind in (Counts, Prices):
        for field in dataclasses.fields(kind):
            flag = f"--{field.name.replace('_', '-')}"
            parser.add_argument(flag, type=float, default=field.default)
    given = vars(parser.parse_args())
    counts = Counts(**_values_of(Counts, given))
    prices = Prices(**_values_of(Prices, given))
    print(table(plan(counts, Coefficients(), prices)))


def _values_of(kind: type, given: dict[str, float]) -> dict[str, float]:
    """What of the command's options belongs to a dataclass."""
    return {field.name: given[field.name] for field in dataclasses.fields(kind)}


if __name__ == "__main__":
    main()
