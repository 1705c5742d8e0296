"""The andon command says what it can do, and in one line what it can't."""

import os
import subprocess
import sysconfig
from pathlib import Path

import pytest

from andon.contracts import INTEGRATIONS, Invalid
from andon.contracts.training import FIT, FitModel
from andon.messaging import ParkedMessages, Service
from andon.testing import eventually

ANDON = Path(sysconfig.get_path("scripts")) / "andon"


@pytest.fixture
def andon(tmp_path):
    def run(*command, **environment):
        return subprocess.run(
            [ANDON, *command],
            env={**os.environ, "ANDON_DATA": str(tmp_path), "COLUMNS": "200", **environment},
            capture_output=True, text=True, check=False, timeout=50,
        )  # fmt: skip

    return run


def test_help_names_the_commands(andon):
    said = andon("--help").stdout
    for command in ("run", "up", "check", "status", "streams", "parked"):
        assert f" {command} " in said


def test_an_unknown_service_is_refused_with_the_known_ones(andon):
    answer = andon("run", "nonsense")
    assert answer.returncode == 2
    assert "there is no service 'nonsense'; installed are" in answer.stderr


@pytest.mark.long
def test_a_bad_setting_is_named_and_nothing_starts(andon):
    answer = andon("run", "alerting", ANDON_HEALTH__PORT="many")
    assert answer.returncode == 2
    assert "health.port" in answer.stderr


def test_without_a_stack_status_says_so(andon):
    answer = andon("status")
    assert answer.returncode == 1
    assert "no stack runs over" in answer.stdout


def test_a_broker_that_is_away_is_one_line(andon):
    answer = andon("streams", ANDON_BUS__URL="nats://127.0.0.1:9", ANDON_BUS__CONNECT_TIMEOUT="0.5")
    assert answer.returncode == 1
    assert "Traceback" not in answer.stderr
    assert answer.stderr.splitlines()[-1].startswith("andon: ")


@pytest.mark.long
async def test_a_parked_message_is_listed_and_replayed(andon, bus_settings):
    listed = andon("parked", "list", ANDON_BUS__URL=bus_settings.url)
    assert listed.returncode == 0
    assert "nothing is parked" in listed.stdout

    refusing = Service("training", bus_settings)

    async def refuse(_message, _delivery):
        raise Invalid("no such station")

    refusing.hears(FIT, refuse)
    async with (
        refusing,
        Service(INTEGRATIONS, bus_settings) as outside,
        ParkedMessages(bus_settings) as parked,
    ):
        await outside.say(FIT, FitModel(fit_id="f", station_id="s"))
        await eventually(parked.list)
    listed = andon("parked", "list", ANDON_BUS__URL=bus_settings.url)
    assert "no such station" in listed.stdout
    assert "training.model.fit.v1" in listed.stdout

    assert andon("parked", "replay", "1", ANDON_BUS__URL=bus_settings.url).returncode == 0
    assert andon("parked", "replay", "1", ANDON_BUS__URL=bus_settings.url).returncode == 1
