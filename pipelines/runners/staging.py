"""Builds what remote Beam workers install where they have no image.

They install this package, and its requirements at the versions that it runs with here.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement

from pipelines.versions import installed_version
from preprocessing.config import ConfigError

PACKAGE = "srp4ctr"
_ROOT = Path(__file__).parent.parent.parent


def stage_package(folder: Path) -> list[str]:
    """Builds the source distribution and its pinned requirements into `folder`.

    Returns:
        Beam's options that make workers install both; they get the requirements from PyPI.

    Raises:
        ConfigError: the package was not installed from a checkout, or its distribution can't be
            built.
    """
    if not (_ROOT / "setup.py").is_file():
        raise ConfigError(
            f"{_ROOT}: no setup.py, so there is nothing to build for Beam's workers. Give them an "
            "image (--beam-image, or beam.image in the config)."
        )
    folder.mkdir(parents=True, exist_ok=True)
    requirements = folder / "requirements.txt"
    lines = [f"{line}\n" for line in pinned_requirements()]
    requirements.write_text("".join(lines))
    return [
        f"--extra_package={build_sdist(folder)}",
        f"--requirements_file={requirements}",
        # Otherwise Beam would download some gigabytes here to upload them again.
        "--requirements_cache=skip",
    ]


def pinned_requirements() -> list[str]:
    """What the extra `tfx` requires, at the versions that are installed here.

    Beam pickles functions here and reads them there, which takes the same versions.
    """
    needed = set()
    for line in metadata.requires(PACKAGE) or ():
        required = Requirement(line)
        if required.marker is None or required.marker.evaluate({"extra": "tfx"}):
            needed.add(required.name)
    return [f"{name}=={installed_version(name)}" for name in sorted(needed)]


def build_sdist(folder: Path) -> Path:
    """The path of srp4ctr-<version>.tar.gz, built by setup.py into `folder`."""
    for old in folder.glob(f"{PACKAGE}-*.tar.gz"):
        old.unlink()
    # The egg-info goes elsewhere, so that the build leaves nothing in the checkout.
    with tempfile.TemporaryDirectory() as egg_base:
        command = [sys.executable, "setup.py", "--quiet", "egg_info", "--egg-base", egg_base]
        command += ["sdist", "--formats", "gztar", "--dist-dir", str(folder.absolute())]
        done = subprocess.run(command, cwd=_ROOT, capture_output=True, text=True, check=False)
    built = list(folder.glob(f"{PACKAGE}-*.tar.gz"))
    if done.returncode or len(built) != 1:
        raise ConfigError(f"setup.py sdist failed in {_ROOT}: {done.stderr.strip()[-500:]}")
    return built[0]
