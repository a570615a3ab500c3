"""Trains one stage from Transform's output, on this machine or as one process of a cluster.

    srp4ctr train pretrain CONFIG --examples DIR --transform DIR --model-dir OUT1
    srp4ctr train finetune CONFIG --examples DIR --transform DIR --model-dir OUT2 --encoder OUT1

`python -m trainer.task` is the same command, for machines that have the trainer's packages alone.

With --start-from, pre-training and then fine-tuning start from an earlier OUT2, whatever its
vocabularies were.

CONFIG is a run's YAML file, of which `dataset` and `trainer` count. The directories are artifacts
of a pipeline run: Transform/transformed_examples/N and Transform/transform_graph/N. Vertex AI's
AIP_* variables stand in for options that are not given, and TF_CONFIG says which process of which
cluster this is; every process of it runs the same command.
"""

from __future__ import annotations

import enum
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from preprocessing.config import Config, ConfigError, read_mapping, validated
from preprocessing.errors import DataError
from preprocessing.spec import DatasetSpec
from trainer.config import TrainerConfig

if TYPE_CHECKING:
    from trainer.inputs import StageInputs

_RESTARTS = "SRP4CTR_RESTARTS"


class StageName(str, enum.Enum):
    """What is trained."""

    PRETRAIN = "pretrain"
    FINETUNE = "finetune"


class _RunFile(Config):
    dataset: DatasetSpec
    trainer: TrainerConfig = TrainerConfig()


def task(
    stage: StageName,
    config: Annotated[Path, typer.Argument(metavar="CONFIG")],
    examples: Annotated[
        str, typer.Option(help="Transform's examples: a folder Split-NAME for each split.")
    ],
    transform: Annotated[str, typer.Option(help="Transform's graph.")],
    model_dir: Annotated[
        str, typer.Option(envvar="AIP_MODEL_DIR", help="Where the SavedModel goes.")
    ],
    encoder: Annotated[
        str | None,
        typer.Option(
            help="The pre-training export that fine-tuning starts from; a ranker with an encoder "
            "needs one."
        ),
    ] = None,
    start_from: Annotated[
        str | None, typer.Option(help="An earlier ranker's export that pre-training starts from.")
    ] = None,
    backup_dir: Annotated[
        str | None,
        typer.Option(
            envvar="AIP_CHECKPOINT_DIR", help="Where a killed run finds what to go on from."
        ),
    ] = None,
    tensorboard_dir: Annotated[
        str | None,
        typer.Option(envvar="AIP_TENSORBOARD_LOG_DIR", help="Where TensorBoard's logs go."),
    ] = None,
    train_data: Annotated[
        str | None,
        typer.Option(
            envvar="AIP_TRAINING_DATA_URI", help="Files to train on, instead of the split's."
        ),
    ] = None,
    validation_data: Annotated[
        str | None,
        typer.Option(
            envvar="AIP_VALIDATION_DATA_URI", help="Files to evaluate on, instead of the split's."
        ),
    ] = None,
) -> None:
    """Train one stage from Transform's output, on this machine or as one process of a cluster."""
    run = _load(config)
    pretrains = stage is StageName.PRETRAIN
    if start_from and not pretrains:
        raise typer.BadParameter("fine-tuning starts from where its --encoder's pre-training did.")
    _check_encoder(pretrains, encoder, run.trainer)
    # Imported here: TensorFlow takes seconds, which `--help` and a mistyped option can do without.
    from trainer.inputs import StageInputs

    files = {}
    if train_data:
        files["train"] = [train_data]
    if validation_data:
        files["validation"] = [validation_data]
    inputs = StageInputs.from_transform(
        stage.value,
        examples,
        transform,
        run.dataset,
        run.trainer,
        backup_dir=backup_dir,
        tensorboard_dir=tensorboard_dir,
        start_from=start_from,
        **files,
    )
    _survive(
        run.trainer.distribution.restarts, lambda: _train(inputs, pretrains, encoder, model_dir)
    )


def run(arguments: list[str]) -> None:
    """The command with its arguments.

    Raises:
        SystemExit: an argument, or CONFIG, is wrong (2), or the data can't be used (1).
    """
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command(help=__doc__)(task)
    try:
        app(arguments, prog_name="python -m trainer.task")
    except (ConfigError, DataError) as error:
        print(f"Error: {error}", file=sys.stderr)
        raise SystemExit(2 if isinstance(error, ConfigError) else 1) from None
    except SystemExit as finished:
        # typer ends so even when all is well; a caller within Python goes on then.
        if finished.code:
            raise


def _check_encoder(pretrains: bool, encoder: str | None, config: TrainerConfig) -> None:
    """Refuses an --encoder that wouldn't be read, and to do without one that is needed."""
    if pretrains and encoder:
        raise typer.BadParameter(
            "--encoder is what fine-tuning starts from; pre-training starts from --start-from."
        )
    if not pretrains and config.ranker.has_encoder and not encoder:
        raise typer.BadParameter(
            f"{config.ranker.model} has an encoder: give --encoder, the --model-dir of "
            "`train pretrain`. To train without one, set trainer.ranker.encoder: none."
        )


def _train(inputs: StageInputs, pretrains: bool, encoder: str | None, model_dir: str) -> None:
    from trainer.finetune import train_ranker
    from trainer.made_by import check_made_by
    from trainer.pretrain import pretrain

    check_made_by(inputs, encoder or inputs.start_from, model_dir)
    if pretrains:
        pretrain(inputs, model_dir)
    else:
        train_ranker(inputs, encoder, model_dir)


def _load(path: Path) -> _RunFile:
    """The two sections of a run's file that matter here."""
    content = read_mapping(path)
    sections = {name: section for name, section in content.items() if name in _RunFile.model_fields}
    return validated(sections, _RunFile, str(path))


def _survive(restarts: int, train: Callable[[], None]) -> None:
    """Trains; starts this process over where another one of the cluster fails.

    It then waits for the other, and they go on together from the last backup.
    """
    import tensorflow as tf

    lost = (tf.errors.UnavailableError, tf.errors.AbortedError, tf.errors.DeadlineExceededError)
    try:
        train()
    except lost as error:
        before = int(os.environ.get(_RESTARTS, "0"))
        if before >= restarts or "TF_CONFIG" not in os.environ:
            raise
        attempt = f"{before + 1} of {restarts}"
        print(
            f"  lost another process of the cluster, starting over ({attempt}): {error}",
            flush=True,
        )
        # As a new process: TensorFlow can't leave a cluster and join it again within one.
        os.environ[_RESTARTS] = str(before + 1)
        os.execv(sys.executable, sys.orig_argv)


if __name__ == "__main__":
    run(sys.argv[1:])
