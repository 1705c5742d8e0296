"""Records, images, statistics, alerts, models, stations and the system, as clients see them."""

import pytest

from andon.contracts import NotFound, Unavailable, alerting, inspection, station, training
from andon.contracts.alerting import AlertState, Severity
from andon.contracts.inspection import Decision
from andon.contracts.station import DetectorUse, Mode
from andon.storage import Blobs
from andon.testing import build, eventually

RECORD = build.inspection(
    image=build.stored_image(key="evidence/o", content_type="image/png", sha256="a" * 64),
    annotated=build.stored_image(key="evidence/a"),
)


async def test_a_record_is_read_by_id(client, line):
    line.answers[inspection.GET] = RECORD
    found = (await client.get(f"/api/v1/inspect/{RECORD.id}")).json()
    assert (found["id"], found["decision"], found["timestamp"]) == (RECORD.id, "pass", "2026-01-31T12:00:00Z")


async def test_an_unknown_record_is_404(client):
    answer = await client.get("/api/v1/inspect/none")
    assert (answer.status_code, answer.json()) == (404, {"detail": "There is no such thing."})


async def test_records_are_listed_with_their_total(client, line):
    line.answers[inspection.LIST] = inspection.Inspections(total=7, items=(RECORD,))
    answer = await client.get(
        "/api/v1/inspections", params={"station_id": "default", "decision": "pass", "limit": 1, "offset": 2}
    )
    found = answer.json()
    assert (found["total"], found["limit"], found["offset"], len(found["items"])) == (7, 1, 2, 1)
    (question,) = line.questions(inspection.LIST)
    assert question == inspection.ListInspections(
        station_id="default", decision=Decision.PASS, limit=1, offset=2
    )


async def test_a_bad_parameter_is_400_and_named(client, subtests):
    cases = [
        ("/api/v1/inspections?limit=501", "limit"),
        ("/api/v1/inspections?limit=0", "limit"),
        ("/api/v1/inspections?offset=-1", "offset"),
        ("/api/v1/inspections?decision=maybe", "decision"),
        ("/api/v1/inspections?since=yesterday", "since"),
        ("/api/v1/inspections?since=0001-01-01T00:00:00%2B14:00&until=x", "until"),
        ("/api/v1/inspections?since=2026-02-01&until=2026-01-30", "since"),
        ("/api/v1/export/csv?start_date=2026-13-01", "start_date"),
        ("/api/v1/export/csv?end_date=1e9", "end_date"),
        ("/api/v1/export/csv?start_date=2026-02-01&end_date=2026-01-01T00:00Z", "start_date"),
        ("/api/v1/export/csv?decision=maybe", "decision"),
        ("/api/v1/statistics?hours=169", "hours"),
        ("/api/v1/statistics?hours=x", "hours"),
        ("/api/v1/trends?interval=week", "interval"),
        ("/api/v1/alerts?severity=loud", "severity"),
        ("/api/v1/alerts?acknowledged=maybe", "acknowledged"),
        ("/api/v1/images/x/mask", "picture"),
    ]
    for path, field in cases:
        with subtests.test(path):
            answer = await client.get(path)
            assert answer.status_code == 400
            assert answer.json()["detail"].startswith(f"{field}: ")


async def test_frames_that_could_not_be_judged_are_listed(client, line):
    frame = inspection.FrameRefused(
        frame_id="f", station_id="s", code="invalid", reason="cut off", refused_at=build.NOON
    )
    line.answers[inspection.REFUSED] = inspection.RefusedFrames(items=(frame,))
    assert (await client.get("/api/v1/inspections/refused")).json()["items"][0]["reason"] == "cut off"


async def test_an_image_is_shown_by_its_signed_address_alone(client, stranger, line, settings):
    line.answers[inspection.GET] = RECORD
    async with Blobs(settings.s3) as blobs:
        await blobs.put("evidence/o", b"the original", "image/png")
        await blobs.put("evidence/a", b"the annotated")
    found = (await client.get(f"/api/v1/inspect/{RECORD.id}")).json()

    shown = await stranger.get(found["image_url"])
    assert (shown.status_code, shown.content) == (200, b"the original")
    assert shown.headers["content-type"] == "image/png"
    assert shown.headers["x-content-type-options"] == "nosniff"
    assert (await stranger.get(found["annotated_url"])).content == b"the annotated"

    unsigned = found["image_url"].split("?")[0]
    assert (await stranger.get(unsigned)).status_code == 401
    assert (await stranger.get(found["image_url"][:-1] + "x")).status_code == 401
    assert (await stranger.get(found["image_url"].replace(RECORD.id, "other"))).status_code == 401
    assert (await client.get(unsigned)).content == b"the original"
    assert (await client.get(f"/api/v1/images/{RECORD.id}/annotated")).content == b"the annotated"


async def test_what_is_no_image_is_404(client, subtests):
    cases = [
        "/static/images/none.jpg",
        "/static/images/passwd",
        "/static/images/..%2F..%2Fetc%2Fpasswd",
        "/api/v1/images/none/original",
        "/static/nothing",
    ]
    for path in cases:
        with subtests.test(path):
            answer = await client.get(path)
            assert answer.status_code == 404
            assert answer.json()["detail"]


async def test_an_image_that_was_not_kept_has_no_address(client, line):
    line.answers[inspection.GET] = build.inspection()
    found = (await client.get("/api/v1/inspect/x")).json()
    assert found["image_url"] is None
    assert found["thumbnail"] is None
    assert (await client.get("/api/v1/images/x/original")).status_code == 404


async def test_statistics_and_trends_are_passed_on(client, line):
    line.answers[inspection.TRENDS] = inspection.Trends(
        labels=("2026-01-31 12:00:00",), total=(4,), passed=(3,), failed=(1,), uncertain=(0,)
    )
    found = (await client.get("/api/v1/statistics?hours=48&station_id=s")).json()
    assert (found["total_inspections"], found["pass_rate"]) == (4, 0.75)
    assert found["defect_breakdown"] == {"anomaly": 1}
    assert line.questions(inspection.STATISTICS)[-1] == inspection.GetStatistics(hours=48, station_id="s")
    assert (await client.get("/api/v1/trends?interval=day")).json()["total"] == [4]


async def test_alerts_are_listed_and_acknowledged(client, line):
    line.answers[alerting.LIST] = alerting.Alerts(alerts=(build.alert(),))
    line.answers[alerting.ACKNOWLEDGE] = build.alert(
        state=AlertState.ACKNOWLEDGED, acknowledged_at=build.NOON, acknowledged_by="eve"
    )
    (found,) = (await client.get("/api/v1/alerts?severity=warning&acknowledged=false")).json()["alerts"]
    assert found.keys() >= {"id", "severity", "title", "message", "timestamp", "acknowledged"}
    assert found["acknowledged"] is False
    (question,) = line.questions(alerting.LIST)
    assert question == alerting.ListAlerts(severity=Severity.WARNING, acknowledged=False)
    answer = await client.post("/api/v1/alerts/alert-1/acknowledge")
    assert answer.json()["acknowledged"] is True
    assert line.questions(alerting.ACKNOWLEDGE) == [alerting.AcknowledgeAlert(id="alert-1", by="eve")]


async def test_a_model_is_deployed_where_it_was_fitted_for_unless_told_otherwise(client, line):
    line.answers[training.LIST] = training.Models(models=(build.model_version(station_id="line-1"),))
    line.answers[training.DEPLOY] = lambda question, _: training.ModelDeployed(
        version_id=question.version_id, station_ids=question.station_ids, model=build.model_ref(),
        thresholds=build.thresholds(), by=question.by, at=build.NOON,
    )  # fmt: skip
    assert (await client.get("/api/v1/models")).json()["models"][0]["id"] == "model-1"
    assert (await client.post("/api/v1/models/model-1/deploy")).json()["station_ids"] == ["line-1"]
    answer = await client.post("/api/v1/models/model-1/deploy", json={"station_ids": ["a", "b"]})
    assert answer.json()["station_ids"] == ["a", "b"]
    assert (await client.post("/api/v1/models/none/deploy")).status_code == 404


async def test_stations_are_read_and_changed(client, line):
    finder = {"file": build.model_ref().fp32, "classes": ("pit",), "fails_above": 0.5, "calibration": (0.1,)}
    recipe = build.recipe(model=build.model_ref(detector=finder))
    line.answers[station.LIST] = station.Stations(stations=(build.station(recipe=recipe),))
    line.answers[station.PUT] = lambda question, _: build.station(id=question.id)
    (found,) = (await client.get("/api/v1/stations")).json()["stations"]
    assert found["id"] == "default"
    assert "calibration" not in found["recipe"]["thresholds"]
    assert found["recipe"]["detector"] == "names"
    assert found["recipe"]["model"]["detector"]["fails_above"] == 0.5
    assert not found["recipe"]["model"]["detector"]["calibration"]
    body = {"mode": "judge", "mm_per_pixel_x": 0.1, "detector": "decides"}
    answer = await client.put("/api/v1/stations/line-1", json=body)
    assert answer.json()["id"] == "line-1"
    (question,) = line.questions(station.PUT)
    assert question == station.PutStation(
        id="line-1", mode=Mode.JUDGE, mm_per_pixel_x=0.1, detector=DetectorUse.DECIDES, by="eve"
    )


async def test_a_bad_station_is_400_and_named(client, subtests):
    cases = [
        ("line-1", {"mode": "sleep"}, "mode"),
        ("line-1", {"mm_per_pixel_x": 0}, "mm_per_pixel_x"),
        ("line-1", {"detector": "sometimes"}, "detector"),
        ("line-1", {"colour": "red"}, "colour"),
        ("no%20spaces", {}, "id"),
    ]
    for path, body, field in cases:
        with subtests.test(path):
            answer = await client.put(f"/api/v1/stations/{path}", json=body)
            assert answer.status_code == 400
            assert field in answer.json()["detail"]


@pytest.mark.long
async def test_opc_ua_is_told_as_off_while_the_bridge_is_away(client):
    assert (await client.get("/api/v1/opcua/status")).json() == {
        "enabled": False, "running": False, "endpoint": "", "station_count": 0, "nodes": [],
    }  # fmt: skip


async def test_health_needs_no_token(stranger):
    for path in ("/health", "/api/v1/health"):
        found = (await stranger.get(path)).json()
        assert found["status"] == "healthy"
        assert found["version"]


async def test_metrics_count_requests_by_route(client):
    await client.get("/api/v1/inspect/none")
    assert 'route="/api/v1/inspect/{id}",status="404"' in (await client.get("/metrics")).text


async def test_every_answer_carries_a_trace_and_headers_for_browsers(stranger):
    for path in ("/nothing", "/", "/api/v1/inspections"):
        answer = await stranger.get(path)
        assert len(answer.headers["x-trace-id"]) == 32
        assert "script-src 'self'" in answer.headers["content-security-policy"]
        assert "unsafe" not in answer.headers["content-security-policy"]
        assert answer.headers["x-frame-options"] == "DENY"


async def test_a_caller_s_trace_goes_on(client):
    sent = {"traceparent": f"00-{'ab' * 16}-{'cd' * 8}-01"}
    assert (await client.get("/health", headers=sent)).headers["x-trace-id"] == "ab" * 16


async def test_other_origins_are_not_let_in(client):
    answer = await client.get("/api/v1/health", headers={"Origin": "http://elsewhere"})
    assert "access-control-allow-origin" not in answer.headers


async def test_unknown_paths_and_methods_are_told_in_the_same_form(client):
    assert (await client.get("/api/v1/nothing")).json() == {"detail": "Not Found"}
    assert (await client.post("/api/v1/statistics")).status_code == 405


async def test_the_documentation_comes_from_here_alone(stranger):
    for path in ("/docs", "/redoc"):
        page = await stranger.get(path)
        assert page.status_code == 200
        assert "http" not in page.text.replace("http-equiv", "")
    assert (await stranger.get("/docs-files/swagger-ui-bundle.js")).status_code == 200
    assert (await stranger.get("/page/docs.js")).status_code == 200


async def test_an_unavailable_peer_is_503(client, line):
    line.answers[inspection.LIST] = Unavailable("The store is away.")
    answer = await client.get("/api/v1/inspections")
    assert (answer.status_code, answer.json()) == (503, {"detail": "The store is away."})


async def test_a_deleted_record_s_image_is_gone(client, line, settings):
    line.answers[inspection.GET] = RECORD
    async with Blobs(settings.s3) as blobs:
        await blobs.put("evidence/o", b"the original", "image/png")
    assert (await client.get(f"/api/v1/images/{RECORD.id}/original")).status_code == 200
    line.answers[inspection.GET] = NotFound("gone")
    await line.bus.say(inspection.RECORD_DELETED, inspection.Deleted(id=RECORD.id))

    async def gone():
        return (await client.get(f"/api/v1/images/{RECORD.id}/original")).status_code == 404

    await eventually(gone)
