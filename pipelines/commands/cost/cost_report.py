"""The cost report: every ranker's operations, parameters and state at the size of a config."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import tensorflow as tf
from matplotlib.figure import Figure
from rich.console import Console

from pipelines.config import RunConfig, load_run_config
from pipelines.markdown import markdown_table
from preprocessing.config import ConfigError
from trainer.costs import CANDIDATES, ModelCost, compare_costs, cost_ratios
from trainer.fields import Fields, sized_fields
from trainer.layers.transitions import LARGEST, transition_pairs

_MEGA = 1e6
_HEADER = ["model", "user, MFLOP", "efficiency, MFLOP"]
_HEADER += [f"at {n}, MFLOP an item" for n in CANDIDATES]
_HEADER += ["dense parameters", "table parameters", "state, bytes"]


def report_costs(config_path: Path, output: Path | None, vocabulary: int) -> None:
    """Measures, prints and writes cost.json, cost.md and cost.svg.

    Args:
        config_path: A run's YAML file; its data is not read.
        output: Where the files go.
        vocabulary: Words of each vocabulary, which only the size of tables depends on.

    Raises:
        ConfigError: the file is wrong, or its transitions pair nothing of so many words.
    """
    # TensorFlow's profiler warns that it uses functions of TensorFlow that are deprecated.
    tf.get_logger().setLevel(logging.ERROR)
    config = load_run_config(config_path)
    folder = output or config.paths.root / "cost"
    folder.mkdir(parents=True, exist_ok=True)
    costs = compare_costs(fields_of(config, vocabulary), config.trainer)
    model = config.trainer.ranker.model
    ratios = cost_ratios(costs, model)
    table = f"{cost_table(costs)}\n{state_table(model, costs[model])}"
    console = Console(soft_wrap=True)
    console.print(table, markup=False, highlight=False)
    (folder / "cost.md").write_text(table)
    _draw(costs).savefig(folder / "cost.svg")
    content = {
        "models": {name: cost.to_json() for name, cost in costs.items()},
        "vocabulary": vocabulary,
        **ratios,
    }
    (folder / "cost.json").write_text(json.dumps(content, indent=1))
    console.print(f"Written to {folder}.")
    print(json.dumps(ratios))  # for programs: the last line is JSON


def cost_table(costs: dict[str, ModelCost]) -> str:
    """A Markdown table with a row for each model."""
    rows = [_row(name, cost) for name, cost in costs.items()]
    return "\n".join(markdown_table(_HEADER, rows)) + "\n"


def state_table(model: str, cost: ModelCost) -> str:
    """A Markdown table of a model's user state.

    It has a row for each vector, in the order of its bytes.
    """
    rows = []
    for vector in cost.state:
        each = f"each {vector.of}"
        rows.append([vector.name, each, str(vector.width), vector.dtype, f"{vector.bytes:,}"])
    header = [f"state of {model}", "there for", "width", "type", "bytes"]
    return "\n".join(markdown_table(header, rows)) + "\n"


def _row(name: str, cost: ModelCost) -> list[str]:
    flops: list[float] = [cost.user.flops, cost.efficiency_flops]
    flops += [cost.inference_flops(n) for n in CANDIDATES]
    sizes = [cost.dense_parameters, cost.table_parameters, cost.state_bytes]
    row = [name]
    row += [f"{value / _MEGA:.2f}" for value in flops]
    row += [f"{value:,}" for value in sizes]
    return row


def _draw(costs: dict[str, ModelCost]) -> Figure:
    """Operations for one item by the number of candidates, a line for each model.

    Both axes are logarithmic.
    """
    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    for name, cost in costs.items():
        flops = [cost.inference_flops(n) / _MEGA for n in CANDIDATES]
        axes.loglog(CANDIDATES, flops, marker="o", label=name)
    axes.set_xlabel("candidates a user")
    axes.set_ylabel("MFLOP an item, the user's share counted in")
    axes.legend(frameon=False)
    return figure


def fields_of(config: RunConfig, vocabulary: int) -> Fields:
    """The config's fields, sized without its data: `vocabulary` words a vocabulary.

    Raises:
        ConfigError: the ranker's transitions pair what has fewer words than that.
    """
    fields = sized_fields(config.dataset, lambda _: vocabulary)
    if config.trainer.ranker.transitions and not transition_pairs(fields):
        raise ConfigError(
            f"trainer.ranker.transitions pairs features of fewer than {LARGEST:,} words, and with "
            f"--vocabulary {vocabulary} there is none. Give as many as these have, such as "
            "--vocabulary 100, or leave transitions out"
        )
    return fields
