"""Docker or podman, by its command."""

from __future__ import annotations

import dataclasses
import functools
import shutil
import subprocess
from pathlib import Path


@dataclasses.dataclass(frozen=True)
class Engine:
    """What builds images and runs containers.

    Attributes:
        command: docker or podman, which take the same arguments for what is asked here.
    """

    command: str

    def run(self, *arguments: object, check: bool = True) -> str:
        """What the command prints."""
        done = subprocess.run(
            [self.command, *map(str, arguments)], capture_output=True, text=True, check=False
        )
        assert not check or done.returncode == 0, done.stdout[-5000:] + done.stderr[-5000:]
        return done.stdout.strip()

    @functools.cached_property
    def is_podman(self) -> bool:
        """Whether it is podman, by whatever name."""
        return "podman" in self.run("--version")

    def has_image(self, name: str) -> bool:
        """Whether an image is here, or can be had."""
        return _has_image(self.command, name)

    def build(self, tag: str, folder: Path, *options: object) -> str:
        """Builds an image of a folder with a Dockerfile; returns its tag."""
        self.run("build", "--network=host", f"--tag={tag}", *options, folder)
        return tag

    def state(self, container: str, field: str) -> str:
        """What the engine knows of a container."""
        return self.run("inspect", container, "--format", f"{{{{.{field}}}}}")

    def logs(self, container: str) -> str:
        """What a container has said, to either stream."""
        done = subprocess.run(
            [self.command, "logs", container],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        return done.stdout


@functools.cache
def _has_image(command: str, name: str) -> bool:
    return any(
        subprocess.run([command, *words, name], capture_output=True, check=False).returncode == 0
        for words in (("image", "inspect"), ("pull", "--quiet"))
    )


def find_engine() -> Engine | None:
    """Docker where its daemon answers, else podman; None where there is neither."""
    for command in ("docker", "podman"):
        if shutil.which(command) is None:
            continue
        if subprocess.run([command, "info"], capture_output=True, check=False).returncode == 0:
            return Engine(command)
    return None
