"""Hands a compiled pipeline to Kubeflow Pipelines or Vertex AI, to run now or on a schedule."""

from __future__ import annotations

from pathlib import Path

from preprocessing.config import ConfigError


def submit_to_vertex(
    path: Path,
    project: str,
    region: str,
    parameters: dict[str, str],
    service_account: str | None = None,
    cron: str | None = None,
) -> str:
    """Runs a compiled job on Vertex AI Pipelines.

    Args:
        path: What `srp4ctr compile --runner vertex` wrote.
        project: The Google Cloud project.
        region: Where it runs.
        parameters: Values of the pipeline's parameters for this run.
        service_account: Who it runs as; by default Compute Engine's.
        cron: When to run it again and again, such as `TZ=Europe/Berlin 0 3 * * *`; None runs it
            now.

    Returns:
        The name of the run, or of the schedule.
    """
    # `from google.cloud import ...` would raise an error that doesn't say that it isn't installed.
    from google.cloud import aiplatform

    name = path.stem
    job = aiplatform.PipelineJob(
        display_name=name,
        template_path=str(path),
        parameter_values=parameters,
        project=project,
        location=region,
    )
    if cron is None:
        job.submit(service_account=service_account)
        return job.resource_name
    schedule = aiplatform.PipelineJobSchedule(
        pipeline_job=job, display_name=name, project=project, location=region
    )
    schedule.create(cron=cron, max_concurrent_run_count=1, service_account=service_account)
    return schedule.resource_name


def submit_to_kubeflow(
    path: Path,
    host: str,
    root: str,
    parameters: dict[str, str],
    cron: str | None = None,
    experiment: str = "srp4ctr",
) -> str:
    """Runs a compiled pipeline on Kubeflow Pipelines.

    Args:
        path: What `srp4ctr compile --runner kubeflow` wrote.
        host: The address of the Kubeflow Pipelines API, such as http://localhost:8080.
        root: Where artifacts go.
        parameters: Values of the pipeline's parameters for this run.
        cron: When to run it again and again, seconds first, such as `0 0 3 * * *`; None runs it
            now.
        experiment: The experiment that runs are filed under.

    Returns:
        The id of the run, or of the recurring run.
    """
    import kfp

    client = kfp.Client(host=host)
    if cron is None:
        return client.create_run_from_pipeline_package(
            str(path), arguments=parameters, pipeline_root=root, experiment_name=experiment
        ).run_id
    found = client.create_experiment(experiment)
    recurring = client.create_recurring_run(
        found.experiment_id,
        job_name=path.stem,
        cron_expression=cron,
        max_concurrency=1,
        no_catchup=True,  # runs that were missed are not made up for
        pipeline_package_path=str(path),
        params=parameters,
        pipeline_root=root,
    )
    return recurring.recurring_run_id


def parse_parameters(given: list[str]) -> dict[str, str]:
    """`name=value` pairs as a dictionary.

    Raises:
        ConfigError: one has no `=`.
    """
    found: dict[str, str] = {}
    for pair in given:
        name, separator, value = pair.partition("=")
        if not separator:
            raise ConfigError(f"--parameter takes name=value. Received: {pair}")
        found[name] = value
    return found
