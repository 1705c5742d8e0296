"""What manifests put into the environment is what the services' own settings read."""

import re
from typing import Any

import httpx
import pytest
from deployed import ROOT, Manifest, manifest, manifests, pod_of, unknown_keys
from pydantic import BaseModel

from andon.contracts import SERVICES
from andon.messaging import BusSettings, Service
from andon.runtime import Application, HealthSettings, ServiceDefinition, Settings, serving

NEEDED = {
    "bus": ("url", "user", "password"),
    "health": ("host", "port"),
    "mongo": ("uri",),
    "s3": ("endpoint", "access_key", "secret_key"),
}
"""What a deployment must say of a block that a service has; the defaults are those of one machine."""
SECRETS = {
    (m["metadata"]["name"], key): value
    for _, m in manifests()
    if m["kind"] in {"ConfigMap", "Secret"}
    for key, value in {**m.get("data", {}), **m.get("stringData", {})}.items()
}


def environment_of(workload: Manifest) -> dict[str, str]:
    """As the container would see it, with the example's secrets."""
    (container,) = pod_of(workload)["containers"]
    return {entry["name"]: _value(entry) for entry in container["env"]}


def _value(entry: dict[str, Any]) -> str:
    if "value" in entry:
        return entry["value"]
    (reference,) = entry["valueFrom"].values()
    return SECRETS[reference["name"], reference["key"]]


def check(environment: dict[str, str], settings: type[Settings]) -> None:
    """Every variable is read by a field, and every block that the service has is told where it is."""
    assert unknown_keys([key for key in environment if key.startswith("ANDON_")], settings) == []
    for block, fields in NEEDED.items():
        if block in settings.model_fields:
            wanted = {f"ANDON_{block}__{field}".upper() for field in fields}
            assert wanted <= environment.keys(), f"{block} is not told where and who"


def load(environment: dict[str, str], settings: type[Settings], monkeypatch: pytest.MonkeyPatch) -> Any:
    for key, value in environment.items():
        monkeypatch.setenv(key, value)
    return settings()


def test_a_deployment_s_environment_is_its_service_s_settings(
    service: str, definition: ServiceDefinition, monkeypatch: pytest.MonkeyPatch
):
    environment = environment_of(manifest("Deployment", service))
    check(environment, definition.settings)
    settings = load(environment, definition.settings, monkeypatch)
    assert settings.bus.user == service
    assert settings.bus.url.startswith("nats://nats.")
    assert not settings.demo


def test_ports_of_a_deployment_are_the_ports_of_its_settings(
    service: str, definition: ServiceDefinition, monkeypatch: pytest.MonkeyPatch
):
    (container,) = pod_of(manifest("Deployment", service))["containers"]
    settings = load(environment_of(manifest("Deployment", service)), definition.settings, monkeypatch)
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    hosts = {"health": settings.health}
    for name, block in (("http", "http"), ("opcua", "opcua")):
        if name in ports:
            hosts[name] = getattr(settings, block)
    assert ports == {name: block.port for name, block in hosts.items()}
    assert {block.host for block in hosts.values()} == {"0.0.0.0"}


def test_a_pod_runs_its_service_from_its_image(service: str):
    (container,) = pod_of(manifest("Deployment", service))["containers"]
    assert container["args"] == ["run", service]
    assert re.fullmatch(rf"andon/{service}:\d+\.\d+\.\d+", container["image"])


def test_readiness_waits_longer_than_the_checks_behind_it(service: str):
    (container,) = pod_of(manifest("Deployment", service))["containers"]
    assert container["readinessProbe"]["timeoutSeconds"] > HealthSettings().timeout


def test_a_pod_is_given_more_time_to_stop_than_it_takes(service: str, definition: ServiceDefinition):
    grace = definition.settings.model_fields["grace"].default
    assert pod_of(manifest("Deployment", service))["terminationGracePeriodSeconds"] >= grace + 10


def test_the_streams_job_says_who_it_is(monkeypatch: pytest.MonkeyPatch):
    job = manifest("Job", "streams")
    environment = environment_of(job)
    check({**environment, "ANDON_HEALTH__HOST": "", "ANDON_HEALTH__PORT": ""}, Settings)
    assert load(environment, Settings, monkeypatch).bus.streams.replicas == 3
    assert pod_of(job)["containers"][0]["args"] == ["streams"]


def test_a_variable_that_nobody_reads_is_found():
    class Block(BaseModel):
        port: int = 0

    class Some(Settings):
        block: Block | None = None

    keys = ["ANDON_BLOCK__PORT", "ANDON_BLOCK__PORTS", "ANDON_BLOK__PORT", "ANDON_DEMO", "ANDON_DEMO__X"]
    assert unknown_keys(keys, Some) == ["ANDON_BLOCK__PORTS", "ANDON_BLOK__PORT", "ANDON_DEMO__X"]


def test_images_tell_where_the_data_is(service: str):
    (container,) = pod_of(manifest("Deployment", service))["containers"]
    data = re.search(r"ANDON_DATA=(\S+)", (ROOT / "deploy/Dockerfile").read_text())
    assert data
    assert data[1] in {mount["mountPath"] for mount in container["volumeMounts"]}


@pytest.mark.long
async def test_probes_ask_for_paths_that_the_runtime_answers(bus_settings: BusSettings):
    def build(settings: Settings) -> Application:
        return Application(Service("auth", settings.bus))

    asked = {"/metrics"}
    for name in SERVICES:
        (container,) = pod_of(manifest("Deployment", name))["containers"]
        asked |= {
            container[f"{probe}Probe"]["httpGet"]["path"] for probe in ("startup", "liveness", "readiness")
        }
        asked |= {endpoint["path"] for endpoint in manifest("ServiceMonitor", name)["spec"]["endpoints"]}
    async with (
        serving(ServiceDefinition("auth", Settings, build), Settings(bus=bus_settings)) as running,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{running.health_port}") as client,
    ):
        for path in asked:
            assert (await client.get(path)).status_code == 200, path
