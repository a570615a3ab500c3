"""Where Beam jobs run: every runner's options in one place.

- direct: FnApiRunner in this process; needs nothing.
- multiprocess: FnApiRunner with one worker process for each core; needs nothing, and is worth it
  on two cores from some four million events on.
- prism: PrismRunner, whose workers are in this process; needs Prism (`--prism_location=PATH`, or
  Beam downloads it).
- portable: PortableRunner; needs a job server (`--job_endpoint`), and an image or a package for
  the workers.
- flink: FlinkRunner; needs Java here, or a job server (`--job_endpoint`), and an image or a
  package for the workers.
- spark: SparkRunner; needs the same as flink.
- dataflow: DataflowRunner; needs `--project`, `--region` and `--temp_location`, and an image or a
  package for the workers.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Sequence
from typing import Any, Literal, get_args

from preprocessing.config import Config, ConfigError
from preprocessing.endpoints import check_job_server
from preprocessing.hints import did_you_mean

RunnerName = Literal["direct", "multiprocess", "prism", "portable", "flink", "spark", "dataflow"]
RUNNERS: tuple[str, ...] = get_args(RunnerName)

# Without an image or a package of its own for the workers TFX packs itself up before every
# component, which takes seconds; the FnApiRunner's workers run in this environment and need
# neither. Beam's default, the DirectRunner, comes to the same runner, but first tries to download a
# server, before every job.
_HERE = ["--sdk_container_image=unused"]
_DIRECT = ["--runner=FnApiRunner", *_HERE]
_OPTIONS: dict[str, list[str]] = {
    "direct": [*_DIRECT, "--direct_running_mode=in_memory", "--direct_num_workers=1"],
    "multiprocess": [*_DIRECT, "--direct_running_mode=multi_processing", "--direct_num_workers=0"],
    "prism": ["--runner=PrismRunner", "--environment_type=LOOPBACK", *_HERE],
    "portable": ["--runner=PortableRunner"],
    "flink": ["--runner=FlinkRunner"],
    "spark": ["--runner=SparkRunner"],
    "dataflow": ["--runner=DataflowRunner"],
}
_REMOTE = ("portable", "flink", "spark", "dataflow")
# Their job server knows options that Beam's Python side doesn't.
_ASKS_JOB_SERVER = ("portable", "flink", "spark")
_REQUIRED = {"portable": ("job_endpoint",), "dataflow": ("project", "region", "temp_location")}
# Each of these options says where the workers get the package from.
_GIVES_PACKAGE = (
    "--extra_package",
    "--setup_file",
    "--sdk_container_image",
    "--environment_config",
    "--environment_type",
)


class BeamConfig(Config):
    """Where Beam jobs run.

    Attributes:
        runner: One of the names above.
        image: The worker image of a remote runner, built by `docker build --target worker`. Without
            one, the workers install the package that `srp4ctr` builds from this checkout, which
            takes minutes a worker.
        options: Beam's own options, such as `--flink_master=host:8081`; they come last and so win.
    """

    runner: RunnerName = "direct"
    image: str | None = None
    options: tuple[str, ...] = ()

    @property
    def is_remote(self) -> bool:
        """Whether workers run outside of this environment, and so need an image or a package."""
        return self.runner in _REMOTE

    @property
    def needs_package(self) -> bool:
        """Whether the workers have to install this package themselves."""
        if not self.is_remote or self.image is not None:
            return False
        return not any(option.startswith(_GIVES_PACKAGE) for option in self.options)


def beam_config(runner: str | None, image: str | None, options: Sequence[str]) -> BeamConfig | None:
    """What the command line asks for; None where it asks for nothing.

    Raises:
        ConfigError: there is no such runner.
    """
    if runner is None and image is None and not options:
        return None
    if runner not in RUNNERS:
        hint = did_you_mean(runner or "", RUNNERS)
        raise ConfigError(f"--beam must be one of {', '.join(RUNNERS)}. Received: {runner}.{hint}")
    return BeamConfig(runner=runner, image=image, options=tuple(options))


def beam_args(beam: BeamConfig, package: Sequence[str] = ()) -> list[str]:
    """Beam's pipeline options for a runner, checked by Beam's own parser.

    Args:
        beam: What was asked for.
        package: The options that `staging.stage_package` gave, where `beam.needs_package`.

    Raises:
        ConfigError: an option is unknown to Beam, wrong, or missing.
    """
    arguments = [*_OPTIONS[beam.runner], *_image(beam), *package, *beam.options]
    _check(beam, _parse(beam, arguments))
    return arguments


def check_server(beam: BeamConfig) -> None:
    """Checks, before a job, that a runner's job server or cluster can be reached.

    Raises:
        ConfigError: as for `beam_args`.
        EndpointError: it can't.
    """
    check_job_server(_parse(beam, beam_args(beam)))


def _image(beam: BeamConfig) -> list[str]:
    """The options that make workers of an image."""
    if not beam.is_remote or not beam.image:
        return []
    named = [f"--sdk_container_image={beam.image}"]
    # Job servers take no notice of that: they start what the job's environment names, which is
    # Beam's own image by default.
    has_environment = any(option.startswith("--environment_") for option in beam.options)
    if beam.runner in _ASKS_JOB_SERVER and not has_environment:
        named += ["--environment_type=DOCKER", f"--environment_config={beam.image}"]
    return named


def _parse(beam: BeamConfig, arguments: list[str]) -> dict[str, Any]:
    from apache_beam.options.pipeline_options import PipelineOptions

    for option in beam.options:
        if not option.startswith("--"):
            raise ConfigError(
                f"Beam options start with --, such as --parallelism=4. Received: {option}"
            )
    known = PipelineOptions([]).get_all_options()
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said):
            parsed = PipelineOptions(arguments).get_all_options(retain_unknown_options=True)
    except SystemExit:  # argparse has written its usage, some hundred lines, and then what is wrong
        raise ConfigError(
            f"Beam refuses an option: {said.getvalue().strip().splitlines()[-1]}"
        ) from None
    unknown = sorted(set(parsed) - set(known))
    if unknown and beam.runner not in _ASKS_JOB_SERVER:
        hint = did_you_mean(f"--{unknown[0]}", (f"--{option}" for option in known))
        raise ConfigError(f"Beam has no option --{unknown[0]}.{hint}")
    return parsed


def _check(beam: BeamConfig, parsed: dict[str, Any]) -> None:
    required = _REQUIRED.get(beam.runner, ())
    missing = [name for name in required if not parsed.get(name)]
    if missing:
        options = " ".join(f"--{name}=..." for name in missing)
        raise ConfigError(
            f"Beam runner {beam.runner} needs {options}: add them to beam.options in the "
            "config, or to the command after a --."
        )
