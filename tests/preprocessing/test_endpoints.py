"""Servers that don't answer are found out before a job, by address and option."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import pytest

from preprocessing.endpoints import EndpointError, check_job_server, check_store
from preprocessing.errors import DataError
from preprocessing.sources.check import check_sources
from preprocessing.stored_folders import StorageError, list_folder
from tests.ram_file_system import RamFileSystem
from tests.testing import small_spec

PROXIES = ("http_proxy", "https_proxy", "grpc_proxy", "all_proxy", "no_proxy")


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in PROXIES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def live() -> Iterator[str]:
    """host:port of what takes connections."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


@pytest.fixture
def dead() -> str:
    """host:port that nobody listens at."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return f"127.0.0.1:{server.getsockname()[1]}"


@pytest.mark.parametrize(
    ("runner", "option", "form"),
    [
        ("PortableRunner", "job_endpoint", "{}"),
        ("apache_beam.runners.PrismRunner", "job_endpoint", "{}"),
        ("FlinkRunner", "flink_master", "{}"),
        ("FlinkRunner", "flink_master", "http://{}/"),
        ("SparkRunner", "spark_master_url", "spark://{}"),
    ],
)
def test_a_dead_job_server_is_named(
    runner: str, option: str, form: str, live: str, dead: str
) -> None:
    check_job_server({"runner": runner, option: form.format(live)})
    with pytest.raises(EndpointError, match=rf"^{dead} \(Beam's --{option}\) can't be reached: "):
        check_job_server({"runner": runner, option: form.format(dead)})


@pytest.mark.parametrize(
    "options",
    [
        {"runner": None, "job_endpoint": "{dead}"},
        {"runner": "FnApiRunner", "flink_master": "{dead}"},
        {"runner": "FlinkRunner", "flink_master": "[auto]"},
        {"runner": "SparkRunner", "spark_master_url": "local[4]"},
        {"runner": "SparkRunner", "spark_master_url": "k8s://https://cluster"},
        {"runner": "FlinkRunner", "flink_master": "http://cluster"},
        {"runner": "FlinkRunner", "flink_master": "https://gateway:1/flink"},
        {"runner": "PortableRunner", "job_endpoint": "embed"},
        {"runner": "PortableRunner", "job_endpoint": "dns:///{dead}"},
        {"runner": "PrismRunner", "job_endpoint": None},
        # A job server reaches a master that this machine may not.
        {"runner": "FlinkRunner", "job_endpoint": "{live}", "flink_master": "{dead}"},
    ],
)
def test_what_this_machine_does_not_ask_is_not_asked(
    options: dict[str, Any], live: str, dead: str
) -> None:
    given = {}
    for name, value in options.items():
        given[name] = value and value.format(live=live, dead=dead)
    check_job_server(given)


def test_one_of_several_masters_is_enough(live: str, dead: str) -> None:
    several = {"runner": "SparkRunner", "spark_master_url": f"spark://{dead},{live}"}
    check_job_server(several)
    several["spark_master_url"] = f"spark://{dead},{dead}"
    with pytest.raises(EndpointError, match=f"^{dead}, {dead} .Beam's --spark_master_url. can't"):
        check_job_server(several)


@pytest.mark.parametrize(
    ("runner", "option", "given"),
    [
        ("PortableRunner", "job_endpoint", "http://localhost"),
        ("PortableRunner", "job_endpoint", "http://{live}"),  # in which gRPC finds no server
        ("PortableRunner", "job_endpoint", "{live},{live}"),
        ("PortableRunner", "job_endpoint", "localhost"),
        ("PortableRunner", "job_endpoint", "localhost:99999"),
        ("PrismRunner", "job_endpoint", "localhost:"),
        ("FlinkRunner", "flink_master", "localhost:99999"),
        ("FlinkRunner", "flink_master", "http://localhost:port/"),
        ("SparkRunner", "spark_master_url", "spark://localhost"),
        ("SparkRunner", "spark_master_url", "spark://{live},localhost"),
    ],
)
def test_what_is_no_host_and_port_is_refused(
    runner: str, option: str, given: str, live: str
) -> None:
    given = given.format(live=live)
    with pytest.raises(EndpointError) as raised:
        check_job_server({"runner": runner, option: given})
    assert str(raised.value) == (
        f"Beam's --{option} needs host:port, such as localhost:8099, with a port of at most 65535. "
        f"Received: {given}"
    )


@pytest.mark.parametrize("value", ["http://localhost:99999", "localhost:25005", "http://"])
@pytest.mark.parametrize("variable", ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"])
def test_an_impossible_address_of_s3_is_told_by_its_setting(
    variable: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("boto3")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv(variable, value)
    with pytest.raises(EndpointError, match=f"^{variable} can't be used: .*{value}.* would do$"):
        check_store("s3://bucket")


@pytest.mark.parametrize("value", ["localhost:abc", "localhost:99999", "http://", "grpc://host"])
def test_an_impossible_address_of_an_emulator_is_told_by_its_setting(
    value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", value)
    with pytest.raises(EndpointError, match=f"^STORAGE_EMULATOR_HOST can't be used: {value}"):
        check_store("gs://bucket")


@pytest.mark.parametrize(
    ("scheme", "variable"), [("s3", "AWS_ENDPOINT_URL"), ("gs", "STORAGE_EMULATOR_HOST")]
)
def test_a_dead_store_is_named_at_once(
    scheme: str, variable: str, dead: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("boto3")
    pytest.importorskip("google.cloud.storage")
    monkeypatch.setenv(variable, f"http://{dead}")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    path = f"{scheme}://bucket/logs"
    says = rf"^{path}.*: {dead} \({variable}.*\) can't be reached: Connection refused; start what"
    with pytest.raises(StorageError, match=says):
        list_folder(path)
    with pytest.raises(DataError, match=says):
        check_sources(small_spec().with_data_dir(path))


def test_settings_of_aws_that_can_not_be_used_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("boto3")
    monkeypatch.setenv("AWS_PROFILE", "none")
    with pytest.raises(
        EndpointError, match=r"AWS's settings .* profile \(none\) could not be found"
    ):
        check_store("s3://bucket")


def test_behind_a_proxy_nothing_is_asked(dead: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", dead)
    monkeypatch.setenv("https_proxy", "http://proxy:3128")
    check_store("gs://bucket")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with pytest.raises(EndpointError):
        check_store("gs://bucket")
    check_store("/data/log.csv")


@pytest.mark.parametrize("scheme", ["abfs", "S3", "file"])
def test_a_store_that_beam_does_not_know_is_told_with_those_it_does(scheme: str) -> None:
    path = f"{scheme}://bucket/logs"
    says = rf"^{path}.*: there is no file system of {scheme}:// here, but of .*gs://, .*s3://"
    with pytest.raises(StorageError, match=says):
        list_folder(path)
    with pytest.raises(DataError, match=says):
        check_sources(small_spec().with_data_dir(path))


def test_a_file_system_that_is_added_to_beam_is_known() -> None:
    check_store(f"{RamFileSystem.scheme()}://bucket/logs")
