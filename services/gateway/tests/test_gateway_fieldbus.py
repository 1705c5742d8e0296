"""MQTT and Modbus, seen over HTTP."""

from andon.contracts import Unavailable, fieldbus


async def test_the_fieldbuses_tell_how_they_do(client, line):
    line.answers[fieldbus.STATUS] = fieldbus.FieldbusStatus(
        mqtt=fieldbus.MqttStatus(enabled=True, endpoint="mqtt://broker:1883", last_error="away")
    )
    answer = await client.get("/api/v1/fieldbus/status")
    assert answer.status_code == 200
    mqtt, modbus = answer.json()["mqtt"], answer.json()["modbus"]
    assert (mqtt["enabled"], mqtt["connected"], mqtt["last_error"]) == (True, False, "away")
    assert (modbus["enabled"], modbus["clients"]) == (False, 0)


async def test_without_the_bridge_it_is_unavailable(client, line):
    line.answers[fieldbus.STATUS] = Unavailable("nobody answers")
    assert (await client.get("/api/v1/fieldbus/status")).status_code == 503


async def test_strangers_learn_nothing_of_the_fieldbuses(stranger):
    assert (await stranger.get("/api/v1/fieldbus/status")).status_code == 401
