"""Everything on one machine: the compose file, the image and the broker's configuration."""

import asyncio
import os
import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from deployed import DEPLOY, ROOT, unknown_keys

from andon.contracts import SERVICES
from andon.messaging import BusSettings, Service
from andon.runtime import ServiceDefinition, Settings
from andon.runtime.embedded import free_ports
from andon.runtime.embedded._nats import MAX_PAYLOAD, executable
from andon.runtime.registry import definition_of

COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose/compose.yaml").read_text())
BLOCKS = {
    "mongo": ("URI",),
    "s3": ("ENDPOINT", "ACCESS_KEY", "SECRET_KEY"),
    "bus": ("URL", "USER", "PASSWORD"),
}
KEYS = {
    "image", "build", "command", "environment", "volumes", "ports", "depends_on", "healthcheck", "restart",
    "read_only", "tmpfs", "cap_drop", "security_opt", "stop_grace_period",
}  # fmt: skip


def variables(name: str) -> dict[str, str]:
    """A container's environment, with a password wherever the user is to give one."""
    given = COMPOSE["services"][name]["environment"]
    fill = "a-secret-of-this-plant"
    filled = {key: re.sub(r"\$\{(\w+):\?\}", fill, str(value)) for key, value in given.items()}
    return {key: re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", value) for key, value in filled.items()}


def test_the_file_has_only_keys_that_compose_knows():
    assert set(COMPOSE) == {"services", "volumes"}
    for name, container in COMPOSE["services"].items():
        assert set(container) <= KEYS, name


def test_every_service_is_there_with_its_image():
    for name in SERVICES:
        container = COMPOSE["services"][name]
        assert container["command"] == ["run", name]
        assert container["image"].startswith(f"andon/{name}:")
        assert container["build"]["args"] == {"SERVICE": name}
        build = DEPLOY / "compose" / container["build"]["context"]
        assert (build / container["build"]["dockerfile"]).is_file()


def test_a_container_s_environment_is_its_service_s_settings(
    service: str, definition: ServiceDefinition, monkeypatch: pytest.MonkeyPatch
):
    environment = variables(service)
    assert unknown_keys(list(environment), definition.settings) == []
    for block, fields in BLOCKS.items():
        if block in definition.settings.model_fields:
            assert {f"ANDON_{block.upper()}__{field}" for field in fields} <= environment.keys()
    for key, value in environment.items():
        monkeypatch.setenv(key, value)
    assert definition.settings().bus.user == service


def test_containers_wait_for_what_they_stand_on():
    for name in SERVICES:
        waits = COMPOSE["services"][name]["depends_on"]
        assert waits["streams"] == {"condition": "service_completed_successfully"}
        for block in ("mongo", "s3"):
            assert (block in waits) == (block in definition_of(name).settings.model_fields)
    for container in COMPOSE["services"].values():
        for other, how in container.get("depends_on", {}).items():
            healthy = how["condition"] == "service_healthy"
            assert not healthy or "healthcheck" in COMPOSE["services"][other]


def test_volumes_are_declared_and_files_exist():
    for container in COMPOSE["services"].values():
        for volume in container.get("volumes", ()):
            source = volume.split(":")[0]
            if source.startswith("."):
                assert (DEPLOY / "compose" / source).exists()
            else:
                assert source in COMPOSE["volumes"]


def test_the_example_names_every_secret_and_nothing_is_open_to_the_network_by_default():
    text = (DEPLOY / "compose/compose.yaml").read_text()
    required = set(re.findall(r"\$\{(\w+):\?\}", text))
    example = (DEPLOY / "compose/example.env").read_text()
    assert required == set(re.findall(r"^(\w+)=$", example, re.MULTILINE))
    for container in COMPOSE["services"].values():
        assert all(re.match(r"\$\{\w+:-127\.0\.0\.1\}:", port) for port in container.get("ports", ()))


def test_the_image_s_environment_is_what_every_service_reads():
    text = (DEPLOY / "Dockerfile").read_text()
    environment = dict(re.findall(r"(ANDON_\w+)=(\S+)", text))
    assert unknown_keys(list(environment), Settings) == []
    assert f"EXPOSE {environment['ANDON_HEALTH__PORT']}" in text
    assert f":{environment['ANDON_HEALTH__PORT']}/live" in text
    assert "USER 10001" in text


def test_the_image_is_built_from_files_that_are_there_by_the_lock(service: str):
    text = (DEPLOY / "Dockerfile").read_text()
    for sources in re.findall(r"^COPY (?!--from)(.+) \S+$", text, re.MULTILINE):
        for source in sources.split():
            assert (ROOT / source).exists(), source
            kept = (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines()
            assert f"!{source}" in kept, source
    assert "--constraints requirements.lock" in text
    project = tomllib.loads((ROOT / "services" / service / "pyproject.toml").read_text())
    assert project["project"]["name"] == f"andon-{service}"


def test_the_image_takes_the_uv_that_everybody_takes():
    pinned = re.search(r"uv==([\d.]+)", (DEPLOY / "Dockerfile").read_text())
    ours = re.search(r"UV_VERSION=([\d.]+)", (ROOT / "scripts/setup").read_text())
    assert pinned
    assert ours
    assert pinned[1] == ours[1]


@pytest.fixture
def passwords() -> dict[str, str]:
    users = (DEPLOY / "nats/users.conf").read_text()
    return {name: f"p-{name.lower()}" for name in re.findall(r"\$(BUS_PASSWORD_\w+)", users)}


def test_the_broker_takes_its_configuration(passwords: dict[str, str]):
    told = subprocess.run(
        (executable("nats-server"), "-c", str(DEPLOY / "nats/nats.conf"), "-t"),
        env={**os.environ, **passwords}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert told.returncode == 0, told.stderr
    assert set(COMPOSE["services"]["nats"]["environment"]) == set(passwords)


async def test_a_service_signs_in_with_the_password_of_its_user(passwords: dict[str, str], tmp_path: Path):
    (port,) = free_ports(1)
    config = (DEPLOY / "nats/nats.conf").read_text()
    config = config.replace("0.0.0.0:4222", f"127.0.0.1:{port}").replace('"/data"', f'"{tmp_path}/data"')
    config = re.sub(r"^http:.*$", "", config, flags=re.MULTILINE)
    (tmp_path / "nats.conf").write_text(config)
    (tmp_path / "users.conf").write_text((DEPLOY / "nats/users.conf").read_text())
    process = await asyncio.create_subprocess_exec(
        executable("nats-server"), "-c", str(tmp_path / "nats.conf"),
        env={**os.environ, **passwords}, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        secret = passwords["BUS_PASSWORD_GATEWAY"]
        settings = BusSettings.model_validate(
            {"url": f"nats://127.0.0.1:{port}", "user": "gateway", "password": secret}
        )
        async with Service("gateway", settings) as gateway:
            await gateway.ping()
    finally:
        process.kill()
        await process.wait()


def test_the_broker_takes_messages_as_large_as_the_embedded_one():
    for file in ("nats.conf", "values.yaml"):
        found = re.search(r"max_payload: (?:<< )?(\d+)MB", (DEPLOY / "nats" / file).read_text())
        assert found
        assert int(found[1]) * 2**20 == MAX_PAYLOAD
