"""Questions, descriptions and the inference runtimes over HTTP: who may, what is refused, what is asked."""

import pytest

from andon.contracts import Invalid, Unavailable, question, runtime, training
from andon.contracts.config import Backend
from andon.testing import build

LOADED = runtime.LoadedModel(
    key="encoder", runtime="openvino", device="CPU", precision="as-stored", digest="0" * 64
)
BENCHMARK = runtime.Benchmark(
    model_key="encoder",
    ort_mean_ms=42.1,
    ov_mean_ms=18.7,
    ort_median_ms=42,
    ov_median_ms=18,
    speedup=2.25,
    iterations=50,
    device="CPU",
    ort_device="CPU",
    threads=1,
    inputs={"image": (1, 256, 256, 3)},
)


@pytest.fixture
def operator(line):
    return {"Authorization": f"Bearer {line.token('operator', name='otto')}"}


async def test_a_question_gets_its_answer_with_the_figures(client, line, operator):
    period = question.Period(since=build.NOON, until=build.NOON, words="today")
    data = question.Data(query="class_count", period=period, figures={"count": 17})
    text = "How many scratches?"
    line.answers[question.ANSWER] = question.Answer(
        question=text, answer="17", backend=Backend.LOCAL, data=data
    )
    answer = await client.post("/api/v1/query", json={"question": text}, headers=operator)
    assert answer.status_code == 200
    body = answer.json()
    assert (body["question"], body["answer"], body["backend"]) == (text, "17", "local")
    assert body["data"]["figures"] == {"count": 17}


async def test_a_question_is_refused_in_the_usual_form(client, line, stranger):
    line.answers[question.ANSWER] = Invalid("question: It can't be read because of 'wie'.")
    assert (await client.post("/api/v1/query", json={"question": "wie"})).status_code == 422
    line.answers[question.ANSWER] = Unavailable("questions are switched off")
    assert (await client.post("/api/v1/query", json={"question": "How many"})).status_code == 503
    line.asked.clear()
    assert (await client.post("/api/v1/query", json={"question": "x" * 501})).status_code == 422
    for body in ({}, {"question": 5}, {"question": None}, {"question": "a", "model": "b"}, [], "text"):
        answer = await client.post("/api/v1/query", json=body)
        assert answer.status_code == 400, body
    assert line.questions(question.ANSWER) == []
    assert (await stranger.post("/api/v1/query", json={"question": "How many"})).status_code == 401


async def test_a_description_is_asked_for_by_id(client, line):
    line.answers[question.DESCRIBE] = question.Description(
        id="part-1", description="A plate.", backend=Backend.OPENAI, model="eyes"
    )
    answer = await client.post("/api/v1/inspect/part-1/describe")
    assert answer.json()["description"] == "A plate."
    line.answers[question.DESCRIBE] = Unavailable("no model that sees is configured")
    assert (await client.post("/api/v1/inspect/part-1/describe")).status_code == 503


async def test_the_status_has_the_promised_fields_and_the_models_behind_them(client, line, operator):
    line.answers[runtime.STATUS] = runtime.RuntimeStatus(
        available=True,
        enabled=True,
        device="CPU",
        ort_fallback=False,
        loaded_models=(LOADED,),
        available_devices=("CPU",),
        versions={"openvino": "2026.4"},
        host="here",
    )
    answer = await client.get("/api/v1/openvino/status", headers=operator)
    body = answer.json()
    assert {
        name: body[name] for name in ("available", "enabled", "device", "loaded_models", "ort_fallback")
    } == {
        "available": True,
        "enabled": True,
        "device": "CPU",
        "loaded_models": ["encoder"],
        "ort_fallback": False,
    }
    assert body["models"][0]["precision"] == "as-stored"


@pytest.mark.parametrize(
    ("path", "key"),
    [
        ("models/a.onnx", "models/a.onnx"),
        ("/app/models/resnet18_image_encoder.onnx", "models/resnet18_image_encoder.onnx"),
        ("model-1", "models/" + "0" * 64 + ".onnx"),
        ("/etc/passwd.onnx", "/etc/passwd.onnx"),
        ("/app/models/../x.onnx", "models/../x.onnx"),
    ],
)
async def test_a_path_is_handed_on_as_the_model_store_knows_it(client, line, path, key):
    line.answers[runtime.LOAD] = LOADED
    line.answers[training.LIST] = training.Models(models=(build.model_version(),))
    body = {"model_key": "encoder", "model_path": path, "device": "CPU"}
    answer = await client.post("/api/v1/openvino/load", json=body)
    assert answer.status_code == 200, answer.text
    promised = {name: answer.json()[name] for name in ("status", "model_key", "device")}
    assert promised == {"status": "loaded", "model_key": "encoder", "device": "CPU"}
    assert [each.object_key for each in line.questions(runtime.LOAD)] == [key]


async def test_loading_and_measuring_are_for_those_who_may_configure(client, line, operator):
    line.answers[runtime.BENCHMARK] = BENCHMARK
    measure = {"model_key": "encoder", "iterations": 50}
    answer = await client.post("/api/v1/openvino/benchmark", json=measure)
    promised = {name: answer.json()[name] for name in ("model_key", "ort_mean_ms", "ov_mean_ms", "speedup")}
    assert promised == {"model_key": "encoder", "ort_mean_ms": 42.1, "ov_mean_ms": 18.7, "speedup": 2.25}
    for path, body in (
        ("benchmark", measure),
        ("load", {"model_key": "encoder", "model_path": "models/a.onnx", "device": "CPU"}),
    ):
        assert (await client.post(f"/api/v1/openvino/{path}", json=body, headers=operator)).status_code == 403
    for bad in ({"iterations": 0}, {"iterations": 1001}, {"iterations": "x"}, {"model_key": ""}, {"more": 1}):
        assert (await client.post("/api/v1/openvino/benchmark", json=measure | bad)).status_code == 400
    load = {"model_key": "encoder", "model_path": "nothing-of-the-kind"}
    assert (await client.post("/api/v1/openvino/load", json=load)).status_code == 404
    assert (await client.post("/api/v1/openvino/load", json=load | {"model_key": "../x"})).status_code == 400
    assert (await client.post("/api/v1/openvino/load", json=load | {"device": "GPU;rm"})).status_code == 400
