"""`srp4ctr compile` and `srp4ctr submit`: the pipeline on Kubeflow and Vertex."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipelines.commands.arguments import path_here
from pipelines.commands.errors import user_errors

Runner = Annotated[str, typer.Option(help="kubeflow or vertex.")]
Project = Annotated[str | None, typer.Option(help="Vertex: the Google Cloud project.")]
Region = Annotated[str | None, typer.Option(help="Vertex: the region.")]


def compile_(
    config: Annotated[
        Path,
        typer.Argument(help="A run's YAML file, its data_dir and artifacts_dir on gs://."),
    ],
    runner: Runner,
    image: Annotated[str, typer.Option(help="The component image that the cluster pulls.")],
    output: Annotated[
        Path,
        typer.Option(
            help="Where to write it: .yaml for Kubeflow, .json for Vertex.", callback=path_here
        ),
    ],
    project: Project = None,
    region: Region = None,
    machine_type: Annotated[
        str, typer.Option(help="Vertex: the Trainers' machine.")
    ] = "n1-standard-8",
    accelerator: Annotated[
        str | None, typer.Option(help="The Trainers' GPU, such as NVIDIA_TESLA_T4.")
    ] = None,
    accelerators: Annotated[int, typer.Option(help="How many GPUs a Trainer gets.")] = 0,
    retries: Annotated[int, typer.Option(help="How often a failed task is tried again.")] = 2,
    cache: Annotated[bool, typer.Option(help="Skip tasks whose inputs have not changed.")] = True,
) -> None:
    """Compile the pipeline of CONFIG for Kubeflow Pipelines v2 or Vertex AI; runs nothing."""
    with user_errors():
        from pipelines.config import load_run_config
        from pipelines.runners.remote import RemoteConfig, compile_pipeline, write_job
        from preprocessing.config import validated

        settings = {
            "image": image,
            "project": project,
            "region": region,
            "machine_type": machine_type,
            "accelerator": accelerator,
            "accelerators": accelerators,
            "retries": retries,
        }
        remote = validated(settings, RemoteConfig, "the command line")
        write_job(
            compile_pipeline(load_run_config(config), runner, remote, enable_cache=cache), output
        )
        typer.echo(f"Compiled for {runner}: {output}")


def submit(
    pipeline: Annotated[Path, typer.Argument(help="What `srp4ctr compile` wrote.")],
    runner: Runner,
    project: Project = None,
    region: Region = None,
    service_account: Annotated[str | None, typer.Option(help="Vertex: who it runs as.")] = None,
    host: Annotated[str | None, typer.Option(help="Kubeflow: the address of its API.")] = None,
    root: Annotated[str | None, typer.Option(help="Kubeflow: where artifacts go.")] = None,
    parameter: Annotated[
        list[str] | None, typer.Option(help="name=value of a parameter; repeatable.")
    ] = None,
    cron: Annotated[
        str | None, typer.Option(help="Run it again and again; by default once, now.")
    ] = None,
) -> None:
    """Run a compiled pipeline on Kubeflow Pipelines or Vertex AI, now or on a schedule."""
    needed = {
        "vertex": {"project": project, "region": region},
        "kubeflow": {"host": host, "root": root},
    }
    if runner not in needed:
        raise typer.BadParameter(
            f"unknown runner '{runner}'. Known: {', '.join(needed)}.", param_hint="--runner"
        )
    missing: list[str] = []
    for name, value in needed[runner].items():
        if not value:
            missing.append(f"--{name}")
    if missing:
        raise typer.BadParameter(f"{runner} needs {' and '.join(missing)}.")
    with user_errors():
        from pipelines.runners import submit as jobs

        values = jobs.parse_parameters(parameter or [])
        if runner == "vertex":
            name = jobs.submit_to_vertex(
                pipeline,
                project=str(project),
                region=str(region),
                parameters=values,
                service_account=service_account,
                cron=cron,
            )
        else:
            name = jobs.submit_to_kubeflow(
                pipeline, host=str(host), root=str(root), parameters=values, cron=cron
            )
        typer.echo(f"Submitted: {name}")
