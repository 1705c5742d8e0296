"""Rules as people change them, held against a real line."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from alerting_line import Line

from andon.alerting.app import SERVICE, AlertingSettings, RuleSettings
from andon.alerting.domain.builtin import PassRate, builtin
from andon.alerting.domain.lifecycle import opened
from andon.alerting.domain.scopes import Subject
from andon.alerting.store.alerts import Alerts
from andon.contracts import Conflict, Invalid, NotFound, alerting, inspection, queue, rollout
from andon.contracts.alerting import AlertState, RuleBody, Severity
from andon.contracts.inspection import FrameRefused
from andon.messaging import BusSettings, Service
from andon.runtime import serving
from andon.storage import Mongo, MongoSettings
from andon.testing import eventually

FAILS = {"kind": "threshold", "metric": "fail_rate", "limit": 0.5, "window_minutes": 60, "minimum_parts": 4}


@pytest.fixture
def settings(bus_settings: BusSettings, mongo_settings: MongoSettings) -> AlertingSettings:
    return AlertingSettings(bus=bus_settings, mongo=mongo_settings, rules=RuleSettings(minimum_parts=1000))


@pytest.fixture
async def line(settings: AlertingSettings, bus_settings: BusSettings) -> AsyncIterator[Line]:
    async with Service("inspection", bus_settings) as service, serving(SERVICE, settings):
        yield Line(service)


async def test_rules_are_read_changed_and_put_back(line: Line) -> None:
    came = {rule.id: rule for rule in (await line.ask(alerting.RULE_LIST, alerting.ListRules())).rules}
    titles = {"Pass rate below threshold", "High Defect Rate", "High Inspection Latency", "System Errors"}
    assert titles <= {rule.title for rule in came.values()}
    saved = await line.put_rule("device-lost", condition={"kind": "device_lost"}, severity="critical")
    assert (saved.rule.revision, saved.rule.changed_by, saved.rule.builtin) == (1, "erik", True)
    await line.put_rule("device-lost", condition={"kind": "device_lost"}, enabled=False)
    history = await line.ask(alerting.RULE_HISTORY, alerting.ReadRule(id="device-lost"))
    assert [(each.revision, each.severity) for each in history.revisions] == [
        (2, Severity.WARNING),
        (1, Severity.CRITICAL),
    ]
    back = await line.ask(alerting.RULE_DELETE, alerting.DeleteRule(id="device-lost", by="erik"))
    assert back.rule == came["device-lost"]
    with pytest.raises(Conflict, match="switch it off"):
        await line.ask(alerting.RULE_DELETE, alerting.DeleteRule(id="device-lost", by="erik"))
    with pytest.raises(NotFound):
        await line.ask(alerting.RULE_READ, alerting.ReadRule(id="nothing"))


async def test_two_who_change_a_rule_at_once_do_not_undo_each_other(line: Line) -> None:
    await line.put_rule("mine", condition=FAILS)
    rule = RuleBody.model_validate({"title": "t", "condition": FAILS})
    await line.ask(alerting.RULE_PUT, alerting.PutRule(id="mine", rule=rule, by="olga", revision=1))
    with pytest.raises(Conflict, match="revision 2"):
        await line.ask(alerting.RULE_PUT, alerting.PutRule(id="mine", rule=rule, by="otto", revision=1))


async def test_a_rule_that_can_never_fire_is_refused_at_saving(line: Line) -> None:
    with pytest.raises(Invalid, match="can never fire") as refused:
        await line.put_rule("mine", condition={**FAILS, "limit": 1.0})
    assert list(refused.value.problem.fields) == ["condition.limit"]
    with pytest.raises(Invalid, match="would always fire"):
        await line.put_rule("mine", condition={**FAILS, "metric": "pass_rate", "limit": 2.0})
    assert "mine" not in [r.id for r in (await line.ask(alerting.RULE_LIST, alerting.ListRules())).rules]


async def test_saving_tells_what_the_past_says_of_a_rule(line: Line, settings: AlertingSettings) -> None:
    await line.judge(passed=3, failed=17)
    await eventually(await line.counted(settings.mongo))
    always = await line.put_rule("always", condition={**FAILS, "limit": 0.1})
    assert always.remarks == ("it would have been open all the time for some of what it looks at",)
    never = await line.put_rule("never", condition={**FAILS, "minimum_parts": 500})
    assert never.remarks == ("it could not have fired: no window had 500 parts, the fullest had 20",)


async def test_a_new_rule_holds_at_once_and_a_deleted_one_no_more(
    line: Line, settings: AlertingSettings
) -> None:
    await line.judge(failed=6)
    await line.put_rule("mine", condition=FAILS, severity="critical")
    await eventually(line.has(1, rule="mine"))
    (alert,) = await line.alerts(rule="mine")
    assert (alert.severity, alert.subject) == (Severity.CRITICAL, "line-1")
    await line.ask(alerting.RULE_DELETE, alerting.DeleteRule(id="mine", by="erik"))
    await eventually(line.has(1, rule="mine", state="resolved"))
    details = await line.ask(alerting.GET, alerting.GetAlert(id=alert.id))
    assert details.history[-1].text == "its rule is gone"


@pytest.mark.long
async def test_a_longer_window_than_any_before_reaches_back(line: Line, settings: AlertingSettings) -> None:
    await line.put_rule("day", condition={**FAILS, "window_minutes": 1440, "minimum_parts": 10})
    for _ in range(2):  # what is kept after the second was looked at with this rule
        await line.judge(passed=1)
        await eventually(await line.counted(settings.mongo))
    await line.judge(failed=10, ago=10 * 3600)
    await eventually(line.has(1, rule="day"))
    await line.ask(alerting.RULE_DELETE, alerting.DeleteRule(id="day", by="erik"))
    await eventually(line.has(1, rule="day", state="resolved"))
    await line.put_rule("again", condition={**FAILS, "window_minutes": 1000, "minimum_parts": 10})
    await eventually(line.has(1, rule="again"))


async def test_a_preview_tells_when_a_rule_would_have_fired(line: Line, settings: AlertingSettings) -> None:
    await line.judge(passed=10, ago=7000)
    await line.judge(failed=10, ago=6000)
    await line.judge(passed=40, ago=4000)
    await line.judge(failed=60, ago=600)
    await eventually(await line.counted(settings.mongo))
    rule = RuleBody.model_validate({"title": "t", "condition": {**FAILS, "window_minutes": 10}})
    found = await line.ask(alerting.RULE_PREVIEW, alerting.PreviewRule(rule=rule, hours=3))
    assert (found.total, found.parts) == (2, 120)
    first, second = found.firings
    assert abs((first.began_at - (datetime.now(UTC) - timedelta(seconds=6000))).total_seconds()) < 120
    assert first.ended_at is not None
    assert second.message.startswith("Fail rate 100% is above the 50% limit at line-1")
    run = RuleBody.model_validate({"title": "t", "condition": {"kind": "consecutive", "parts": 10}})
    found = await line.ask(alerting.RULE_PREVIEW, alerting.PreviewRule(rule=run, hours=3))
    assert [each.ended_at is None for each in found.firings] == [False, True]
    lost = RuleBody.model_validate({"title": "t", "condition": {"kind": "device_lost"}})
    found = await line.ask(alerting.RULE_PREVIEW, alerting.PreviewRule(rule=lost))
    assert found.remarks == ("this kind of rule can't be tried on the past",)


@pytest.mark.long
async def test_defects_in_a_row_open_one_alert_and_good_parts_end_it(
    line: Line, settings: AlertingSettings
) -> None:
    await line.put_rule("row", condition={"kind": "consecutive", "parts": 4, "clear_parts": 2})
    await line.judge(passed=1, failed=3, station="a")
    await line.judge(failed=4, station="b")
    await eventually(line.has(1, rule="row"))
    assert (await line.alerts())[0].subject == "b"
    await line.judge(failed=3, station="b")
    await line.judge(passed=2, station="b")
    await eventually(line.has(1, rule="row", state="resolved"))
    await line.judge(failed=1, station="a")  # the fourth in a row
    await eventually(line.has(1, rule="row", state="open"))
    assert await line.told() == [("opened", "b"), ("resolved", "b"), ("opened", "a")]


async def test_a_run_goes_on_over_a_restart(bus_settings: BusSettings, mongo_settings: MongoSettings) -> None:
    settings = AlertingSettings(bus=bus_settings, mongo=mongo_settings)
    async with Service("inspection", bus_settings) as bus:
        line = Line(bus)
        async with serving(SERVICE, settings):
            await line.put_rule("row", condition={"kind": "consecutive", "parts": 4})
            await line.judge(failed=2)
            await eventually(await line.counted(mongo_settings))
        await line.judge(failed=1)
        async with serving(SERVICE, settings):
            await eventually(await line.counted(mongo_settings))
            assert await line.alerts() == ()
            await line.judge(failed=1)
            await eventually(line.has(1, rule="row"))


async def test_scores_that_shift_are_found_before_parts_fail(line: Line) -> None:
    condition = {"kind": "cusum", "variable": "anomaly_score", "subgroup": 2, "baseline": 10}
    await line.put_rule("shift", condition=condition)
    for score in (0.10, 0.12, 0.11, 0.13, 0.12, 0.10, 0.14) * 3:
        await line.judge(passed=1, anomaly_score=score)
    for _ in range(8):
        await line.judge(passed=1, anomaly_score=0.16)
    await eventually(line.has(1, rule="shift"))
    assert "anomaly_score at line-1 is out of control" in (await line.alerts())[0].message


async def test_frames_that_can_not_be_judged_are_system_errors(line: Line) -> None:
    await line.judge(passed=40)
    for number in range(10):
        refused = FrameRefused(
            frame_id=f"f{number}", station_id="line-1", code="invalid", reason="no image",
            refused_at=datetime.now(UTC),
        )  # fmt: skip
        await line.bus.say(inspection.FRAME_REFUSED, refused)
    await eventually(line.has(1, severity="critical"))
    (alert,) = await line.alerts()
    assert (alert.title, alert.station_id, alert.subject) == ("System Errors", None, "")


async def test_slow_parts_and_an_alert_that_gives_way_to_another(line: Line) -> None:
    times = inspection.Times(decode_ms=1, inference_ms=1, total_ms=2500)
    await line.put_rule("pass-rate-low", condition={**FAILS, "metric": "pass_rate", "minimum_parts": 20})
    await line.judge(passed=20, failed=40, times=times)
    await eventually(line.has(1, rule="latency-high"))
    await eventually(line.has(1, rule="pass-rate-low"))
    assert await line.alerts(rule="fail-rate-high") == ()


async def test_a_device_that_goes_silent_is_lost_and_found(line: Line) -> None:
    await line.device("healthy", free_gb=3)
    await eventually(line.has(1, rule="disk-low"))
    await line.device("disconnected")
    await eventually(line.has(1, rule="device-lost"))
    (alert,) = await line.alerts(rule="device-lost")
    assert (alert.subject, alert.severity) == ("gpu-1", Severity.ERROR)
    gone = queue.DeviceDeleted(id="gpu-1", at=datetime.now(UTC))
    await line.queue.say(queue.DEVICE_DELETED, gone)
    await eventually(line.has(1, rule="device-lost", state="resolved"))


async def test_a_station_that_drifts_is_told_until_it_no_longer_does(line: Line) -> None:
    now = datetime.now(UTC)
    news = rollout.DriftNews(
        station_id="line-1", version_id="v1", measure=rollout.Measure.BRIGHTNESS, psi=0.61, critical=0.2,
        hour=now, since=now, at=now,
    )  # fmt: skip
    await line.bus.say(rollout.DRIFT_STARTED, news)
    await eventually(line.has(1, rule="drift", station_id="line-1"))
    assert (await line.alerts())[0].message.startswith("brightness at line-1 has drifted since")
    await line.bus.say(rollout.DRIFT_ENDED, news)
    await eventually(line.has(1, rule="drift", state="resolved"))


async def test_a_version_that_was_taken_back_is_told_once(line: Line) -> None:
    def taken_back(version: str, *, automatic: bool) -> rollout.RolledBack:
        return rollout.RolledBack(
            station_id="line-1", from_version=version, to_version="v1", automatic=automatic, by="andon",
            reason="its pass rate is 0.31, the old version's 0.97", at=datetime.now(UTC),
        )  # fmt: skip

    await line.bus.say(rollout.ROLLED_BACK, taken_back("v3", automatic=False))
    await line.bus.say(rollout.ROLLED_BACK, taken_back("v2", automatic=True))
    await eventually(line.has(1, rule="rolled-back", station_id="line-1"))
    (alert,) = await line.alerts(rule="rolled-back")
    assert (alert.subject, alert.severity) == ("line-1/v2", Severity.ERROR)
    assert alert.message.startswith(
        "v2 was taken back by itself, line-1 judges by v1 again: its pass rate is"
    )

    await line.ask(alerting.RESOLVE, alerting.ResolveAlert(id=alert.id, by="mia"))
    await line.put_rule(
        "rolled-back", title="Taken back", condition={"kind": "rolled_back", "automatic_only": False}
    )
    await eventually(line.has(1, rule="rolled-back", state="open"))
    assert [each.subject for each in await line.alerts(rule="rolled-back")] == ["line-1/v3", "line-1/v2"]


async def test_jobs_that_fail_are_one_alert_per_queue(line: Line) -> None:
    for number in range(3):
        changed = queue.JobChanged.model_validate(
            {
                "id": f"job-{number}", "version": 3, "status": "failed", "previous": "running", "name": "fit",
                "aliases": {}, "project": "p", "kind": "command", "queue": "gpu", "user": "u", "priority": 0,
                "at": datetime.now(UTC),
            }
        )  # fmt: skip
        await line.queue.say(queue.JOB_CHANGED, changed)
    await eventually(line.has(1, rule="jobs-failed"))
    assert (await line.alerts())[0].subject == "gpu"


async def test_an_alert_nobody_acknowledges_is_raised(
    settings: AlertingSettings, bus_settings: BusSettings
) -> None:
    step = {"after_minutes": 1, "severity": "critical"}
    rule = builtin(PassRate())["pass-rate-low"]
    old = opened(rule, Subject("line-1", "line-1"), "bad", datetime.now(UTC) - timedelta(minutes=2))
    async with Mongo(settings.mongo) as mongo:
        await Alerts(mongo).add(old)
    async with Service("inspection", bus_settings) as bus, serving(SERVICE, settings):
        line = Line(bus)
        await line.put_rule("pass-rate-low", condition={**FAILS, "metric": "pass_rate"}, escalation=[step])
        await eventually(line.has(1, severity="critical"))
        (alert,) = await line.alerts()
        assert (alert.escalated, alert.state) == (1, AlertState.OPEN)
        assert ("changed", "line-1") in await line.told()


async def test_people_comment_and_take_alerts_as_over(line: Line) -> None:
    await line.put_rule("row", condition={"kind": "consecutive", "parts": 2})
    await line.judge(failed=2)
    await eventually(line.has(1))
    (alert,) = await line.alerts()
    await line.ask(alerting.COMMENT, alerting.CommentAlert(id=alert.id, by="olga", text="Lens wiped"))
    over = await line.ask(alerting.RESOLVE, alerting.ResolveAlert(id=alert.id, by="olga", reason="clean"))
    assert over.state is AlertState.RESOLVED
    details = await line.ask(alerting.GET, alerting.GetAlert(id=alert.id))
    assert [(each.what, each.by, each.text) for each in details.history[1:]] == [
        ("commented", "olga", "Lens wiped"),
        ("resolved", "olga", "clean"),
    ]
    assert details.alert.comments == 1
    with pytest.raises(NotFound):
        await line.ask(alerting.COMMENT, alerting.CommentAlert(id="none", by="olga", text="?"))
