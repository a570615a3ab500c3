"""The files in serving/deploy: their schemas, whether they agree, and a server with them."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeAlias

import check_jsonschema
import kubernetes_validate
import pytest
import yaml
from click.testing import CliRunner, Result

from pipelines.commands.model_server_flags import IDLE
from serving.client import RankingClient
from serving.server import ModelServer
from serving.server.config.batching import read_batching_parameters
from serving.server.config.model_config import read_model_configs
from serving.server.config.monitoring import read_prometheus_path
from serving.server_options import ModelOptions, NetworkOptions, ServerOptions

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "serving" / "deploy"
CONFIG = DEPLOY / "config"
MANIFESTS = sorted((DEPLOY / "kubernetes").glob("*.yaml"))
(MODEL,) = read_model_configs(CONFIG / "models.config")
Objects: TypeAlias = dict[tuple[str, str], Any]  # by kind and name


def _check_manifest(path: Path, version: str) -> None:
    """Raises a ValidationError for what that version of Kubernetes would not take."""
    for document in yaml.safe_load_all(path.read_text(encoding="utf-8")):
        kubernetes_validate.validate(document, version, strict=True)


def _compose_spec(path: Path) -> Result:
    """What the checker of the compose specification says of a file."""
    return CliRunner().invoke(
        check_jsonschema.main, ["--builtin-schema", "vendor.compose-spec", str(path)]
    )


def _changed(source: Path, right: str, wrong: str, folder: Path) -> Path:
    """A copy of a file with a mistake in it."""
    text = source.read_text(encoding="utf-8")
    assert right in text
    copy = folder / source.name
    copy.write_text(text.replace(right, wrong), encoding="utf-8")
    return copy


@pytest.fixture(scope="module")
def objects() -> Objects:
    """The Kubernetes objects by kind and name."""
    documents = [
        document
        for path in MANIFESTS
        for document in yaml.safe_load_all(path.read_text(encoding="utf-8"))
    ]
    return {(document["kind"], document["metadata"]["name"]): document for document in documents}


@pytest.fixture(scope="module")
def compose() -> Any:
    return yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))


def _pod(objects: Objects, name: str = "srp4ctr") -> Any:
    return objects["Deployment", name]["spec"]["template"]


def _container(objects: Objects, name: str = "srp4ctr") -> Any:
    (container,) = _pod(objects, name)["spec"]["containers"]
    return container


def _flags(arguments: Iterable[str]) -> dict[str, str]:
    return dict(argument.removeprefix("--").split("=", 1) for argument in arguments)


def _flags_of_the_local_server() -> set[str]:
    command = [str(Path(sys.executable).parent / "srp4ctr"), "serve", "--help"]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return {flag.removeprefix("--") for flag in re.findall(r"--\w+", text)} | set(IDLE)


@pytest.mark.parametrize("version", ["1.25", "1.37"])
def test_manifests_keep_to_the_schemas_of_the_versions_that_the_docs_name(version: str) -> None:
    docs = (ROOT / "docs" / "serving.md").read_text(encoding="utf-8")
    assert "Kubernetes 1.25 to 1.37" in docs
    for manifest in MANIFESTS:
        _check_manifest(manifest, version)


@pytest.mark.parametrize(
    ("version", "manifest", "right", "wrong"),
    [
        ("1.25", "model-server.yaml", "periodSeconds: 5", "periodSecond: 5"),
        ("1.37", "model-server.yaml", "failureThreshold: 60", "failureThreshold: often"),
        ("1.25", "models.yaml", "accessModes: [ReadWriteMany]", "accessModes: ReadWriteMany"),
        ("1.37", "redis.yaml", "limits:", "limit:"),
    ],
)
def test_a_wrong_manifest_breaks_its_schema(
    tmp_path: Path, version: str, manifest: str, right: str, wrong: str
) -> None:
    changed = _changed(DEPLOY / "kubernetes" / manifest, right, wrong, tmp_path)
    with pytest.raises(kubernetes_validate.ValidationError):
        _check_manifest(changed, version)


def test_compose_file_keeps_to_the_compose_specification() -> None:
    found = _compose_spec(DEPLOY / "compose.yaml")
    assert found.exit_code == 0, found.output


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("mem_limit: 4g", "memory_limit: 4g"),
        ("cap_drop: [ALL]", "cap_drop: ALL"),
    ],
)
def test_a_wrong_compose_file_breaks_the_specification(
    tmp_path: Path, right: str, wrong: str
) -> None:
    found = _compose_spec(_changed(DEPLOY / "compose.yaml", right, wrong, tmp_path))
    assert found.exit_code == 1 and "Schema validation errors" in found.output, found.output


_needs_promtool = pytest.mark.skipif(
    shutil.which("promtool") is None, reason="promtool (Debian: prometheus) is not installed"
)


@_needs_promtool
def test_prometheus_takes_its_configuration() -> None:
    subprocess.run(["promtool", "check", "config", CONFIG / "prometheus.yml"], check=True)


@_needs_promtool
@pytest.mark.parametrize(("api", "entrypoint"), [("Predict", "GRPC"), ("predict", "REST")])
def test_slow_ranking_alerts_whichever_protocol_asks(
    tmp_path: Path, api: str, entrypoint: str
) -> None:
    """A thousand requests per minute take between 50 and 100 ms.

    Ten times as many, by the other protocol, take 10 ms.
    """
    slow = f'model_name="{MODEL.name}",API="{api}",entrypoint="{entrypoint}"'
    fast = f'model_name="{MODEL.name}",API="predict",entrypoint="OTHER"'
    rates = {(slow, "50000"): 0, (slow, "100000"): 1000, (slow, "+Inf"): 1000}
    rates |= {(fast, bound): 10_000 for bound in ("50000", "100000", "+Inf")}
    series = [
        {
            "series": f':tensorflow:serving:request_latency_bucket{{{labels},le="{bound}"}}',
            "values": f"0+{rate}x15",
        }
        for (labels, bound), rate in rates.items()
    ]
    summary = f"The slowest hundredth of the requests by {entrypoint} takes over 50 ms."
    alert = {"exp_labels": {"entrypoint": entrypoint}, "exp_annotations": {"summary": summary}}
    expected = {"eval_time": "12m", "alertname": "RankingSlow", "exp_alerts": [alert]}
    _test_rules({"input_series": series, "alert_rule_test": [expected]}, tmp_path)


@_needs_promtool
@pytest.mark.parametrize(
    "labels",
    [
        {"job": "srp4ctr"},  # prometheus.yml
        {"job": "shop/srp4ctr", "namespace": "shop"},  # a PodMonitor in namespace shop
        {  # pods by their annotations
            "job": "kubernetes-pods",
            "app_kubernetes_io_name": "srp4ctr",
            "app_kubernetes_io_component": "model-server",
        },
    ],
)
def test_servers_that_do_not_answer_are_told_of_however_they_are_scraped(
    tmp_path: Path, labels: dict[str, str]
) -> None:
    """One of two goes after five minutes, the other after ten."""
    series = []
    for instance, answers in (("a:8501", "1x4 0x15"), ("b:8501", "1x9 0x10")):
        text = ",".join(
            f'{name}="{value}"' for name, value in {**labels, "instance": instance}.items()
        )
        series.append({"series": f"up{{{text}}}", "values": answers})
    series.append({"series": 'up{job="shop/other",instance="c:80"}', "values": "0x20"})
    down = {
        "exp_labels": {**labels, "instance": "a:8501"},
        "exp_annotations": {"summary": "a:8501 does not answer."},
    }
    none = {
        "exp_labels": {},
        "exp_annotations": {
            "summary": "No model server answers, or Prometheus has none of them as a target."
        },
    }
    expected = [
        {"eval_time": "7m", "alertname": "ModelServerDown", "exp_alerts": [down]},
        {"eval_time": "7m", "alertname": "NoModelServer", "exp_alerts": []},
        {"eval_time": "12m", "alertname": "NoModelServer", "exp_alerts": [none]},
    ]
    _test_rules({"input_series": series, "alert_rule_test": expected}, tmp_path)


def _test_rules(case: dict[str, Any], folder: Path) -> None:
    rules = {"rule_files": [str(CONFIG / "alerts.yml")], "tests": [{"interval": "1m", **case}]}
    (folder / "test.yml").write_text(yaml.safe_dump(rules))
    subprocess.run(["promtool", "test", "rules", folder / "test.yml"], check=True)


def test_alerts_find_the_servers_of_both_deployments(objects: Objects) -> None:
    """By the job of prometheus.yml, or the label of the pods; requests by the model's name."""
    (scrape,) = yaml.safe_load((CONFIG / "prometheus.yml").read_text(encoding="utf-8"))[
        "scrape_configs"
    ]
    of_pods = []
    for label, value in _pod(objects)["metadata"]["labels"].items():
        of_pods.append(f'{re.sub("[^a-z]", "_", label)}="{value}"')
    groups = yaml.safe_load((CONFIG / "alerts.yml").read_text(encoding="utf-8"))["groups"]
    for rule in groups[0]["rules"]:
        chosen = re.findall(r"\{(.*?)\}", rule["expr"])
        if rule["expr"].startswith((":", "sum", "histogram")):
            assert all(f'model_name="{MODEL.name}"' in labels for labels in chosen)
            assert not any("job=" in labels for labels in chosen)
        else:
            (jobs,) = re.findall(r'job=~"([^"]+)"', chosen[0])
            assert re.fullmatch(jobs, scrape["job_name"]) and chosen[1] == ",".join(of_pods)


def test_slow_ranking_counts_both_protocols() -> None:
    """Of the labels that both servers write: Predict for gRPC, predict for REST."""
    text = (CONFIG / "alerts.yml").read_text(encoding="utf-8")
    (wanted,) = re.findall(r'API=~"([^"]+)"', text)
    assert all(re.fullmatch(wanted, label) for label in ("Predict", "predict"))


def test_config_map_has_the_files_word_for_word(objects: Objects) -> None:
    data = objects["ConfigMap", "srp4ctr-config"]["data"]
    assert set(data) == {path.name for path in CONFIG.glob("*.config")}
    for name, text in data.items():
        assert text == (CONFIG / name).read_text(encoding="utf-8"), name


def test_server_flags_are_those_of_the_local_server_and_alike_everywhere(
    objects: Objects, compose: dict[str, Any]
) -> None:
    service = compose["services"]["model-server"]
    flags = _flags(_container(objects)["args"])
    in_compose = _flags(service["command"])
    assert set(flags) <= _flags_of_the_local_server()
    assert in_compose == {
        name: value for name, value in flags.items() if name != "grpc_channel_arguments"
    }
    for name in ("model_config_file", "monitoring_config_file"):
        assert (CONFIG / Path(flags[name]).relative_to("/config")).is_file()
    ports = {port["name"]: port["containerPort"] for port in _container(objects)["ports"]}
    assert ports == {"grpc": int(flags["port"]), "http": int(flags["rest_api_port"])}
    assert flags["enable_profiler"] == "false"
    assert service["ports"] == [f"127.0.0.1:{port}:{port}" for port in ports.values()]
    assert _container(objects)["image"] in service["image"]


def test_volumes_hold_the_model_and_the_configuration(
    objects: Objects, compose: dict[str, Any]
) -> None:
    mounts = {mount["mountPath"]: mount for mount in _container(objects)["volumeMounts"]}
    assert mounts["/models"]["readOnly"] and mounts["/config"]["readOnly"]
    assert {mount["name"] for mount in mounts.values()} == {
        v["name"] for v in _pod(objects)["spec"]["volumes"]
    }
    assert Path(MODEL.base_path).parent == Path("/models")
    claim = _pod(objects)["spec"]["volumes"][0]["persistentVolumeClaim"]["claimName"]
    assert ("PersistentVolumeClaim", claim) in objects
    assert {volume["target"] for volume in compose["services"]["model-server"]["volumes"]} == {
        "/models",
        "/config",
    }
    for service in compose["services"].values():
        for volume in service.get("volumes", []):
            if volume["source"].startswith("./"):
                assert (DEPLOY / volume["source"]).exists()


def test_selectors_and_references_find_what_they_mean(objects: Objects) -> None:
    for (kind, name), body in objects.items():
        spec = body.get("spec", {})
        if kind == "HorizontalPodAutoscaler":
            assert ("Deployment", spec["scaleTargetRef"]["name"]) in objects
            assert "cpu" in _container(objects)["resources"]["requests"]
        selector = {
            "Service": spec.get("selector"),
            "NetworkPolicy": spec.get("podSelector", {}).get("matchLabels"),
        }
        labels = selector.get(kind) or spec.get("selector", {}).get("matchLabels")
        if labels:
            assert labels == _pod(objects, name)["metadata"]["labels"], (kind, name)
        named = {port["name"] for port in _container(objects, name)["ports"]} if labels else set()
        used = {
            port.get("targetPort", port.get("port"))
            for port in spec.get("ports", [])
            if kind == "Service"
        }
        used |= {port["port"] for rule in spec.get("ingress", []) for port in rule["ports"]}
        assert used <= named, (kind, name)


def test_threads_fit_the_cpu_request(objects: Objects) -> None:
    container = _container(objects)
    cores = container["resources"]["requests"]["cpu"]
    flags = _flags(container["args"])
    assert (
        flags["tensorflow_intra_op_parallelism"]
        == flags["tensorflow_inter_op_parallelism"]
        == cores
    )
    assert {"grpc_max_threads", "rest_api_num_threads"} <= set(
        flags
    )  # TensorFlow Serving's grow with the node


def test_memory_is_bounded_alike(objects: Objects, compose: dict[str, Any]) -> None:
    assert _container(objects)["resources"]["limits"]["memory"] == "4Gi"
    assert compose["services"]["model-server"]["mem_limit"] == "4g"


def test_sigterm_reaches_a_server_that_does_not_handle_it(
    objects: Objects, compose: dict[str, Any]
) -> None:
    """The kernel keeps from process 1 the signals that it doesn't handle."""
    assert compose["services"]["model-server"]["init"]
    assert _pod(objects)["spec"]["shareProcessNamespace"]


def test_a_pod_waits_for_the_first_version(objects: Objects, tmp_path: Path) -> None:
    (waits,) = _pod(objects)["spec"]["initContainers"]
    assert waits["image"] == _container(objects)["image"]
    for mount in waits["volumeMounts"]:
        assert mount in _container(objects)["volumeMounts"]
    (script,) = waits["args"]
    assert str(MODEL.base_path) in script
    config = tmp_path / "models.config"
    shutil.copy(CONFIG / config.name, config)
    here = script.replace(str(MODEL.base_path), str(tmp_path)).replace("/config/", f"{tmp_path}/")
    command = [*waits["command"], here.replace("sleep 5", "exit 3")]
    for folder in (".incoming-1", "latest"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "saved_model.pb").touch()
    assert subprocess.run(command, check=False, stdout=subprocess.DEVNULL).returncode == 3
    (tmp_path / ".incoming-1").rename(tmp_path / "1")
    assert subprocess.run(command, check=False, stdout=subprocess.DEVNULL).returncode == 0
    (tmp_path / "1").rename(tmp_path / ".incoming-1")
    # Nothing of an object store is there to wait for.
    _changed(config, str(MODEL.base_path), "gs://bucket/models", tmp_path)
    assert subprocess.run(command, check=False, stdout=subprocess.DEVNULL).returncode == 0


def test_the_service_exposes_what_the_network_policy_lets_clients_reach(objects: Objects) -> None:
    for name in ("srp4ctr", "srp4ctr-redis"):
        exposed = {port["targetPort"] for port in objects["Service", name]["spec"]["ports"]}
        rules = objects["NetworkPolicy", name]["spec"]["ingress"]
        (of_clients,) = [rule for rule in rules if "podSelector" in rule["from"][0]]
        assert exposed == {port["port"] for port in of_clients["ports"]}


def test_nothing_runs_as_root_or_listens_to_the_world(
    objects: Objects, compose: dict[str, Any]
) -> None:
    for name in ("srp4ctr", "srp4ctr-redis"):
        pod = _pod(objects, name)["spec"]
        assert pod["securityContext"]["runAsNonRoot"]
        for container in pod["containers"] + pod.get("initContainers", []):
            security = container["securityContext"]
            assert security["readOnlyRootFilesystem"] and not security["allowPrivilegeEscalation"]
        assert ("NetworkPolicy", name) in objects
    published = [
        port for service in compose["services"].values() for port in service.get("ports", [])
    ]
    assert published and all(port.startswith("127.0.0.1:") for port in published)


@pytest.fixture
def server(saved: dict[int, Path], tmp_path: Path) -> Iterator[ModelServer]:
    """A local server with the deployment's files and a version of the toy model."""
    config = (CONFIG / "models.config").read_text(encoding="utf-8")
    base = tmp_path / "models" / "srp4ctr"
    shutil.copytree(saved[1], base / "1")
    (tmp_path / "models.config").write_text(
        config.replace(str(MODEL.base_path), str(base)), encoding="utf-8"
    )
    options = ServerOptions(
        models=ModelOptions(config_file=tmp_path / "models.config"),
        network=NetworkOptions(monitoring_config_file=CONFIG / "monitoring.config"),
    )
    with ModelServer(grpc_port=0, rest_port=0, poll_seconds=0.1, options=options) as running:
        yield running


def _status(server: ModelServer, path: str) -> int:
    try:
        with urllib.request.urlopen(
            f"http://127.0.0.1:{server.rest_port}{path}", timeout=5
        ) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


def test_probes_tell_whether_the_model_can_be_used(
    server: ModelServer, objects: Objects, compose: dict[str, Any]
) -> None:
    paths = {
        _container(objects)[probe]["httpGet"]["path"]
        for probe in ("startupProbe", "readinessProbe")
    }
    assert paths == {f"/v1/models/{MODEL.name}/metadata"}
    (path,) = paths
    _, *healthcheck = compose["services"]["model-server"]["healthcheck"]["test"]
    healthcheck[-1] = healthcheck[-1].replace("/8501", f"/{server.rest_port}")
    assert _status(server, path) == 200
    assert subprocess.run(healthcheck, check=False).returncode == 0
    other = [part.replace(MODEL.name, "other") for part in healthcheck]
    assert _status(server, path.replace(MODEL.name, "other")) == 404
    assert subprocess.run(other, check=False).returncode != 0
    server.stop(grace_seconds=1)
    assert subprocess.run(healthcheck, check=False, stderr=subprocess.DEVNULL).returncode != 0


def test_requests_of_any_shape_at_once_get_their_own_scores(
    server: ModelServer, objects: Objects, compose: dict[str, Any]
) -> None:
    """Batching would fail some of them, or, with padding, score another history."""
    for arguments in (_container(objects)["args"], compose["services"]["model-server"]["command"]):
        assert not {"enable_batching", "batching_parameters_file"} & set(_flags(arguments))
    assert not read_batching_parameters(CONFIG / "batching.config").pad_variable_length_inputs
    with RankingClient(f"127.0.0.1:{server.grpc_port}", MODEL.name, timeout_seconds=20) as client:

        def best(number: int) -> float:
            """The toy's score of the last item: user + events + 10 * item."""
            user = {"user_id": "1", "age": 0.0, "history_item_id": ["7"] * (number % 4)}
            items = [str(item) for item in range(1 + number % 5)]
            return client.rank(user, items, top=1, by="click")[0][1]["click"]

        with ThreadPoolExecutor(8) as pool:
            found = list(pool.map(best, range(100)))
    assert found == [1 + number % 4 + 10 * (number % 5) for number in range(100)]


def test_prometheus_reads_the_page_that_the_server_has(
    server: ModelServer, objects: Objects, compose: dict[str, Any]
) -> None:
    path = read_prometheus_path(CONFIG / "monitoring.config")
    (scrape,) = yaml.safe_load((CONFIG / "prometheus.yml").read_text(encoding="utf-8"))[
        "scrape_configs"
    ]
    assert scrape["metrics_path"] == path
    assert _pod(objects)["metadata"]["annotations"]["prometheus.io/path"] == path
    host, port = scrape["static_configs"][0]["targets"][0].split(":")
    assert (
        host in compose["services"]
        and port == _pod(objects)["metadata"]["annotations"]["prometheus.io/port"]
    )
    with urllib.request.urlopen(f"http://127.0.0.1:{server.rest_port}{path}", timeout=5) as answer:
        page = answer.read().decode()
    groups = yaml.safe_load((CONFIG / "alerts.yml").read_text(encoding="utf-8"))["groups"]
    used = set()
    for group in groups:
        for rule in group["rules"]:
            used.update(re.findall(r":[\w:]+", rule["expr"]))
    assert used and all(name.removesuffix("_bucket") in page for name in used)
