"""The files of serving/deploy, run by podman.

`srp4ctr serve` takes the place of tensorflow_model_server.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import shutil
import socket
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from serving.client import RankingClient
from serving.rollout import rollout
from tests.containers.conftest import python_image
from tests.containers.engine import Engine
from tests.engines.processes import ROOT
from tests.serving.conftest import Eventually

DEPLOY = ROOT / "serving" / "deploy"
DOCKERFILE = Path(__file__).parent / "stand_in" / "Dockerfile"
STAND_IN = "localhost/srp4ctr-stand-in:latest"
MODEL = "srp4ctr"
PORTS = (8500, 8501)
KILLED = 137
TERMINATED = 143  # by SIGKILL and by SIGTERM
START_SECONDS = 300
PODMAN = Engine("podman")
podman = PODMAN.run
state = PODMAN.state

pytestmark = pytest.mark.skipif(shutil.which("podman") is None, reason="podman is not installed")
needs_compose = pytest.mark.skipif(
    shutil.which("podman-compose") is None, reason="podman-compose is not installed"
)


@pytest.fixture(scope="module")
def stand_in() -> str:
    """The image whose tensorflow_model_server is `srp4ctr serve`."""
    base = python_image(PODMAN)
    PODMAN.build(STAND_IN, ROOT, f"--build-arg=BASE={base}", f"--file={DOCKERFILE}")
    for port in PORTS:
        with socket.socket() as taken:
            if taken.connect_ex(("127.0.0.1", port)) == 0:
                pytest.skip(f"port {port} is taken")
    return STAND_IN


def http_status(path: str) -> int | None:
    """Of the REST port; None while nothing answers."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:8501{path}", timeout=5) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return None


def assert_it_ranks() -> None:
    """A toy user's score is user + events + 10 * item."""
    with RankingClient("127.0.0.1:8500", MODEL, timeout_seconds=20) as client:
        client.wait_until_ready()
        user = {"user_id": "1", "age": 0.0, "history_item_id": ["7", "8"]}
        assert [item for item, _ in client.rank(user, ["2", "5", "3"], by="click")] == [
            "5",
            "3",
            "2",
        ]
        assert client.rank(user, ["5"], by="click")[0][1]["click"] == 53


def test_without_an_init_the_stand_in_ignores_sigterm_as_tensorflow_serving_does(
    stand_in: str,
) -> None:
    container = podman(
        "run", "--detach", "--entrypoint=tensorflow_model_server", stand_in, "/nothing"
    )
    podman("stop", "--time=1", container)
    assert int(state(container, "State.ExitCode")) == KILLED
    podman("rm", "--force", container)


@needs_compose
class TestCompose:
    """serving/deploy/compose.yaml, as docs/serving.md says to run it."""

    @pytest.fixture(scope="class")
    def services(
        self, stand_in: str, saved: dict[int, Path], tmp_path_factory: pytest.TempPathFactory
    ) -> Iterator[dict[str, str]]:
        """The services whose images are to be had, running, with a first version."""
        models = tmp_path_factory.mktemp("models")
        rollout(saved[1], models / MODEL)
        content = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
        images = {name: service["image"] for name, service in content["services"].items()}
        names = [
            name
            for name, image in images.items()
            if name == "model-server" or PODMAN.has_image(image)
        ]
        variables = {"MODELS_DIR": str(models), "TF_SERVING_IMAGE": stand_in}
        compose = ["podman-compose", "--file", str(DEPLOY / "compose.yaml")]
        run = functools.partial(subprocess.run, env=os.environ | variables, check=True)
        run([*compose, "up", "--detach", *names])
        yield {name: f"srp4ctr_{name}_1" for name in names}
        run([*compose, "down", "--volumes", "--timeout", "1"])

    def test_it_becomes_healthy_and_ranks(
        self, services: dict[str, str], eventually: Eventually
    ) -> None:
        check = ("healthcheck", "run", services["model-server"])
        eventually(
            lambda: podman(*check, check=False) == "" and http_status(f"/v1/models/{MODEL}"),
            START_SECONDS,
        )
        assert_it_ranks()
        assert state(services["model-server"], "HostConfig.Memory") == str(4 * 2**30)
        assert state(services["model-server"], "HostConfig.ReadonlyRootfs") == "true"

    @pytest.mark.parametrize("name", ["redis", "prometheus"])
    def test_the_services_beside_it_run(self, services: dict[str, str], name: str) -> None:
        if name not in services:
            pytest.skip(f"the image of {name} can't be pulled")
        assert state(services[name], "State.Running") == "true"

    def test_prometheus_scrapes_the_server_and_has_the_alerts(
        self, services: dict[str, str], eventually: Eventually
    ) -> None:
        if "prometheus" not in services:
            pytest.skip("the image of prometheus can't be pulled")

        def ask(path: str) -> Any:
            with urllib.request.urlopen(
                f"http://127.0.0.1:9090/api/v1/{path}", timeout=5
            ) as answer:
                return json.load(answer)["data"]

        eventually(
            lambda: [target["health"] for target in ask("targets")["activeTargets"]] == ["up"], 90
        )
        (group,) = ask("rules")["groups"]
        assert {rule["name"] for rule in group["rules"]} == {
            "ModelServerDown",
            "NoModelServer",
            "RankingErrors",
            "RankingSlow",
        }

    def test_sigterm_ends_it(self, services: dict[str, str]) -> None:
        """Not the SIGKILL that would follow."""
        podman("stop", "--time=60", services["model-server"])
        assert int(state(services["model-server"], "State.ExitCode")) == TERMINATED


@pytest.fixture(scope="class")
def pod(stand_in: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """serving/deploy/kubernetes as podman can run it, not awaited.

    That is the Deployment, its ConfigMap and its volume.
    """
    manifest = tmp_path_factory.mktemp("kube") / "pod.yaml"
    manifest.write_text(
        "\n---\n".join(map(yaml.safe_dump, _objects_for_podman(stand_in))), encoding="utf-8"
    )
    with open(manifest.with_suffix(".log"), "wb") as log:
        playing = subprocess.Popen(["podman", "play", "kube", manifest], stdout=log, stderr=log)
    yield "srp4ctr-pod-0"
    playing.terminate()
    playing.wait()
    podman("pod", "rm", "--force", "--time=1", "srp4ctr-pod-0")
    podman("volume", "rm", "srp4ctr-models", "srp4ctr-config", "tmp", check=False)


def _objects_for_podman(image: str) -> list[dict[str, Any]]:
    found = {}
    for path in (DEPLOY / "kubernetes").glob("*.yaml"):
        for document in yaml.safe_load_all(path.read_text(encoding="utf-8")):
            found[document["kind"], document["metadata"]["name"]] = document
    spec = found["Deployment", "srp4ctr"]["spec"]["template"]["spec"]
    for container in spec["initContainers"] + spec["containers"]:
        container["image"] = image
    # Podman before 4.4 starts an init container that succeeded again and again, unless the pod says
    # otherwise.
    spec["restartPolicy"] = "OnFailure"
    kinds = ("ConfigMap", "PersistentVolumeClaim", "Deployment")
    names = {
        "ConfigMap": "srp4ctr-config",
        "PersistentVolumeClaim": "srp4ctr-models",
        "Deployment": "srp4ctr",
    }
    return [found[kind, names[kind]] for kind in kinds]


class TestKubernetes:
    """serving/deploy/kubernetes/model-server.yaml, applied before there is any version."""

    def test_it_waits_for_the_first_version_then_ranks(
        self, pod: str, saved: dict[int, Path], eventually: Eventually
    ) -> None:
        waits = f"{pod}-first-version"
        server = f"{pod}-model-server"
        eventually(
            lambda: "Waiting for a version" in podman("logs", waits, check=False), START_SECONDS
        )
        assert state(server, "State.Status") == "created"
        volume = podman("volume", "inspect", "srp4ctr-models", "--format", "{{.Mountpoint}}")
        rollout(saved[1], Path(volume) / MODEL)
        eventually(lambda: http_status(f"/v1/models/{MODEL}/metadata") == 200, START_SECONDS)
        assert_it_ranks()
        assert state(server, "RestartCount") == "0"

    def test_it_runs_as_nobody_special(self, pod: str) -> None:
        server = f"{pod}-model-server"
        assert podman("exec", server, "id", "-u") == "1000"
        assert state(server, "HostConfig.Memory") == str(4 * 2**30)
        assert state(server, "HostConfig.ReadonlyRootfs") == "true"

    def test_sigterm_ends_it(self, pod: str) -> None:
        """Not the SIGKILL that would follow: the server isn't process 1 of the pod."""
        server = f"{pod}-model-server"
        assert podman("exec", server, "cat", "/proc/1/comm") != "tensorflow_mode"
        with contextlib.suppress(
            AssertionError
        ):  # podman may say that the pod's other container has ended
            podman("stop", "--time=60", server)
        assert int(state(server, "State.ExitCode")) == TERMINATED
