"""The pipeline: logs to records, pre-training, fine-tuning, evaluation and push.

This only builds it; `pipelines.runners` run it.
"""

from __future__ import annotations

import dataclasses

from tfx.components import Evaluator, ExampleValidator, Pusher, StatisticsGen, Transform
from tfx.dsl.components.base.base_node import BaseNode
from tfx.orchestration.metadata import sqlite_metadata_connection_config
from tfx.orchestration.pipeline import Pipeline
from tfx.proto import (
    example_gen_pb2,  # noqa: F401  (registers the proto that ExampleGen's custom config packs)
    pusher_pb2,
    trainer_pb2,
    transform_pb2,
)
from tfx.types import BaseChannel

from pipelines.components.behavior_log_example_gen import example_gen
from pipelines.components.blessing_gate import BlessingGate
from pipelines.components.counts import CountsRival
from pipelines.components.curated_schema_gen import EVALUATED, SCHEMA, CuratedSchemaGen
from pipelines.components.data_checks import DataChecks
from pipelines.components.evaluation import eval_config
from pipelines.components.serving_log_example_gen import ServingLogExampleGen
from pipelines.config import RunConfig
from pipelines.counts.verdict import DOES_NOT_PAY, PAYS
from pipelines.node_ids import (
    BASELINE,
    BASELINE_EVALUATOR,
    BASELINE_GATE,
    BASELINE_PUSHER,
    COUNTS,
    PRETRAIN,
    RANKER,
    SERVING_STATISTICS,
)
from pipelines.platform import LocalPlatform
from preprocessing.code_fingerprint import code_fingerprint
from preprocessing.paths import absolute
from trainer.config import TrainerConfig
from trainer.stages import CATALOG, STAGE_SPLITS

_COMPONENTS = "pipelines/components"  # where the code is that fingerprints begin with


@dataclasses.dataclass(frozen=True)
class _Prepared:
    """What data preparation hands to training and evaluation."""

    platform: LocalPlatform
    components: list[BaseNode]
    examples: BaseChannel
    schema: BaseChannel
    evaluated_schema: BaseChannel
    transformed: BaseChannel
    graph: BaseChannel
    findings: BaseChannel


def create_pipeline(
    config: RunConfig,
    beam_pipeline_args: list[str],
    enable_cache: bool = True,
    platform: LocalPlatform | None = None,
) -> Pipeline:
    """Builds the pipeline of a run.

    Args:
        config: The run's configuration.
        beam_pipeline_args: Beam's options, for every component that runs on Beam.
        enable_cache: Whether components whose inputs have not changed are skipped.
        platform: Where it runs; None is this machine.
    """
    platform = platform or LocalPlatform()
    prepared = _prepare(config, platform)
    trainer = config.trainer
    earlier = [platform.earlier_model(prepared.examples)] if config.warm_start else []
    # Pre-training starts from an earlier day's model where that is asked for; the rest follows.
    start = earlier[0].outputs["model"] if earlier else None
    pretrain = _trainer(
        config, prepared, PRETRAIN, stage="pretrain", settings=trainer, base_model=start
    )
    encoder = pretrain.outputs["model"]
    ranker = _trainer(
        config, prepared, RANKER, stage="finetune", settings=trainer, base_model=encoder
    )
    without = _trainer(
        config, prepared, BASELINE, stage="finetune", settings=trainer.without_encoder()
    )
    trained = [*earlier, pretrain, ranker, without]
    components = [*prepared.components, *trained, *_judge(config, prepared, ranker, without)]
    return _pipeline(config, components, beam_pipeline_args, enable_cache)


def create_data_pipeline(
    config: RunConfig, beam_pipeline_args: list[str], enable_cache: bool = True
) -> Pipeline:
    """The part of a run's pipeline that prepares its data.

    What it makes is in the cache of the whole pipeline, too.
    """
    prepared = _prepare(config, LocalPlatform())
    return _pipeline(config, prepared.components, beam_pipeline_args, enable_cache)


def _pipeline(
    config: RunConfig, components: list[BaseNode], beam_args: list[str], enable_cache: bool
) -> Pipeline:
    return Pipeline(
        pipeline_name=config.dataset.name,
        pipeline_root=config.paths.artifacts,
        components=components,
        enable_cache=enable_cache,
        metadata_connection_config=sqlite_metadata_connection_config(str(config.paths.metadata)),
        beam_pipeline_args=beam_args,
    )


def _prepare(config: RunConfig, platform: LocalPlatform) -> _Prepared:
    spec = config.spec
    code = code_fingerprint("preprocessing")
    records_code = code_fingerprint("preprocessing", f"{_COMPONENTS}/behavior_log_example_gen.py")
    examples = example_gen(spec, config.paths.quarantine, records_code, config.span)
    statistics = StatisticsGen(examples=examples.outputs["examples"])
    schema_code = code_fingerprint("preprocessing", f"{_COMPONENTS}/curated_schema_gen.py")
    schema = CuratedSchemaGen(spec, schema_code)
    checks = _checks(config, platform, statistics, schema)
    transform = Transform(
        examples=examples.outputs["examples"],
        schema=schema.outputs[SCHEMA],
        preprocessing_fn="preprocessing.transform.preprocessing_fn",
        # Vocabularies come from what models learn from. The test split isn't transformed at all:
        # exported models get its raw records, as a server would.
        splits_config=transform_pb2.SplitsConfig(
            analyze=["pretrain", "train", "catalog"],
            transform=["pretrain", "pretrain_validation", "train", "validation", "catalog"],
        ),
        custom_config={"spec": spec.model_dump_json(), "code": code},
        # Each run analyses all of its records, so no cache is ever read. But where one is written,
        # splits are analysed apart.
        disable_analyzer_cache=not platform.analyzes_apart(config),
        # StatisticsGen has those of the records; nobody reads those of indices.
        disable_statistics=True,
    )
    transform.add_upstream_node(checks[-1])  # no training on data that fails its checks
    return _Prepared(
        platform=platform,
        components=[examples, statistics, schema, *checks, transform],
        examples=examples.outputs["examples"],
        schema=schema.outputs[SCHEMA],
        evaluated_schema=schema.outputs[EVALUATED],
        transformed=transform.outputs["transformed_examples"],
        graph=transform.outputs["transform_graph"],
        findings=checks[-1].outputs["findings"],
    )


def _checks(
    config: RunConfig, platform: LocalPlatform, statistics: BaseNode, schema: BaseNode
) -> list[BaseNode]:
    """Compares the records with the schema, the previous run's, and logged serving requests.

    DataChecks comes last.
    """
    validator = ExampleValidator(
        statistics=statistics.outputs["statistics"], schema=schema.outputs[SCHEMA]
    )
    previous = platform.previous_statistics(statistics.outputs["statistics"])
    components = [validator]
    if previous:
        components.append(previous)
    serving = None
    if config.checks.serving_log:
        log = ServingLogExampleGen(absolute(config.checks.serving_log))
        served = StatisticsGen(examples=log.outputs["examples"]).with_id(SERVING_STATISTICS)
        components += [log, served]
        serving = served.outputs["statistics"]
    checks = DataChecks(
        statistics=statistics.outputs["statistics"],
        anomalies=validator.outputs["anomalies"],
        spec=config.spec,
        checks=platform.checks(config.checks),
        code=code_fingerprint("preprocessing", f"{_COMPONENTS}/data_checks.py"),
        previous=previous.outputs["statistics"] if previous else None,
        serving=serving,
    )
    return [*components, checks]


def _trainer(
    config: RunConfig,
    prepared: _Prepared,
    node: str,
    *,
    stage: str,
    settings: TrainerConfig,
    base_model: BaseChannel | None = None,
) -> BaseNode:
    """A Trainer of one stage; `base_model` is what it starts from."""
    train, validation = STAGE_SPLITS[stage]
    return prepared.platform.trainer(
        node,
        run_fn=f"trainer.{stage}.run_fn",
        examples=prepared.transformed,
        transform_graph=prepared.graph,
        schema=prepared.schema,
        base_model=base_model,
        train_args=trainer_pb2.TrainArgs(splits=[train, CATALOG]),
        eval_args=trainer_pb2.EvalArgs(splits=[validation]),
        custom_config={
            "spec": config.spec.model_dump_json(),
            "trainer": settings.model_dump_json(),
            "code": code_fingerprint("preprocessing", "trainer"),  # for TFX's cache alone
            "backup_dir": config.paths.backup,
        },
    )


def _judge(
    config: RunConfig, prepared: _Prepared, ranker: BaseNode, without: BaseNode
) -> list[BaseNode]:
    """Evaluates both rankers on the test split; blesses and pushes one of them."""
    to_beat = prepared.platform.latest_blessed(
        prepared.examples, ranker.outputs["model"], without.outputs["model"]
    )
    baseline = to_beat.outputs["model"] if to_beat else None
    min_auc = config.evaluation.min_auc
    evaluator = _evaluator(config, prepared, ranker, min_auc=min_auc, to_beat=baseline)
    if config.evaluation.push == "cheaper":
        of_baseline = _evaluator(config, prepared, without, min_auc=min_auc, to_beat=baseline)
    else:
        # Without a bar nothing is blessed: the baseline is evaluated for the report alone.
        of_baseline = _evaluator(config, prepared, without, min_auc=None, to_beat=None)
    baseline_evaluator = of_baseline.with_id(BASELINE_EVALUATOR)
    counts = _counts(config, prepared, ranker, without) if config.evaluation.counts_rows else None
    rivals = [counts] if counts else []
    resolvers = [to_beat] if to_beat else []
    components = [*resolvers, evaluator, baseline_evaluator, *rivals]
    if config.evaluation.push == "ranker":
        pushed = _push(config, prepared, model=ranker, evaluator=evaluator, counts=counts)
        return [*components, *pushed]
    # The encoder either pays or doesn't, so that at most one of the two gates opens.
    gate, pusher = _push(
        config, prepared, model=ranker, evaluator=evaluator, counts=counts, if_encoder=PAYS
    )
    baseline_gate, baseline_pusher = _push(
        config,
        prepared,
        model=without,
        evaluator=baseline_evaluator,
        counts=counts,
        if_encoder=DOES_NOT_PAY,
    )
    return [
        *components,
        gate,
        baseline_gate.with_id(BASELINE_GATE),
        pusher,
        baseline_pusher.with_id(BASELINE_PUSHER),
    ]


def _push(
    config: RunConfig,
    prepared: _Prepared,
    *,
    model: BaseNode,
    evaluator: BaseNode,
    counts: BaseNode | None,
    if_encoder: str = "",
) -> tuple[BaseNode, BaseNode]:
    """The gate of a model and its Pusher."""
    gate = BlessingGate(
        evaluator_blessing=evaluator.outputs["blessing"],
        evaluation=evaluator.outputs["evaluation"],
        findings=prepared.findings,
        examples=prepared.examples,
        tasks=list(config.dataset.tasks),
        margin=config.evaluation.min_auc_over_rules,
        code=code_fingerprint(f"{_COMPONENTS}/blessing_gate.py"),
        span=config.span or 0,
        must_beat=config.evaluation.must_beat,
        counts=counts.outputs["counts"] if counts else None,
        if_encoder=if_encoder,
    )
    pusher = Pusher(
        model=model.outputs["model"],
        model_blessing=gate.outputs["blessing"],
        push_destination=pusher_pb2.PushDestination(
            filesystem=pusher_pb2.PushDestination.Filesystem(base_directory=config.paths.pushed)
        ),
    )
    return gate, pusher


def _counts(
    config: RunConfig, prepared: _Prepared, ranker: BaseNode, without: BaseNode
) -> BaseNode:
    """The ranker beside itself without the encoder and boosted trees.

    They are a component of their own, since they need nothing but the rankers' scores.
    """
    counts = CountsRival(
        examples=prepared.examples,
        transformed=prepared.transformed,
        graph=prepared.graph,
        model=ranker.outputs["model"],
        without_encoder=without.outputs["model"],
        spec=config.spec,
        rows=config.evaluation.counts_rows,
        seed=config.trainer.seed,
        code=code_fingerprint("preprocessing", "trainer", f"{_COMPONENTS}/counts.py"),
        slices=config.evaluation.slices,
    )
    return counts.with_id(COUNTS)


def _evaluator(
    config: RunConfig,
    prepared: _Prepared,
    ranker: BaseNode,
    *,
    min_auc: float | None,
    to_beat: BaseChannel | None,
) -> BaseNode:
    return Evaluator(
        examples=prepared.examples,
        example_splits=["test"],
        model=ranker.outputs["model"],
        baseline_model=to_beat,
        schema=prepared.evaluated_schema,
        module_path="pipelines.components.evaluation",
        eval_config=eval_config(
            list(config.dataset.tasks),
            list(config.evaluation.slices),
            min_auc,
            config.evaluation.max_auc_drop,
        ),
    )
