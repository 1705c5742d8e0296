"""A part over HTTP, through the running product: judged, found, shown, counted and deleted."""

from datetime import datetime

import pytest

from andon.inspection.camera.plate import PlateCamera

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def image():
    return PlateCamera().shot(0).data


def test_an_uploaded_part_is_judged_and_found_again(product, image):
    with product.client() as client:
        fields = {"station_id": product.station, "part_id": "A1"}
        answer = client.post("/api/v1/inspect", files={"file": ("a.jpg", image)}, data=fields)
        part = answer.json()
        assert answer.status_code == 200, part
        assert (part["station_id"], part["part_id"], part["source"]) == (product.station, "A1", "http")
        assert datetime.fromisoformat(part["timestamp"]).tzinfo is not None
        found = client.get(f"/api/v1/inspect/{part['id']}").json()
        assert found["decision"] == part["decision"]
        assert client.get(part["image_url"]).content == image
        assert client.get(part["annotated_url"]).headers["content-type"] == "image/jpeg"
        listed = client.get("/api/v1/inspections", params={"station_id": product.station}).json()
        assert part["id"] in [each["id"] for each in listed["items"]]
        assert client.get("/api/v1/statistics").json()["total_inspections"] > 0


def test_a_deleted_part_is_gone_with_its_image(product, image):
    with product.client() as client:
        fields = {"station_id": product.station, "part_id": "A2"}
        part = client.post("/api/v1/inspect", files={"file": ("a.jpg", image)}, data=fields).json()
        assert client.delete(f"/api/v1/inspect/{part['id']}").status_code == 200
        assert client.get(f"/api/v1/inspect/{part['id']}").status_code == 404
        assert client.get(f"/api/v1/images/{part['id']}/original").status_code == 404


def test_bad_input_gets_a_clear_error(product, image, subtests):
    cases = {
        "no image": (b"just text", "default", 415),
        "cut off": (image[: len(image) // 3], product.station, 422),
        "empty": (b"", product.station, 422),
        "too large": (image + bytes(20 << 20), product.station, 413),
        "bad station": (image, "no spaces", 400),
        "unknown station": (image, "nowhere", 404),
    }
    with product.client() as client:
        for name, (data, station, status) in cases.items():
            with subtests.test(name):
                answer = client.post(
                    "/api/v1/inspect", files={"file": ("a.jpg", data)}, data={"station_id": station}
                )
                assert answer.status_code == status, answer.text
                assert answer.json()["detail"]


def test_a_large_image_is_judged_too(product, image):
    with product.client() as client:
        large = image + bytes(9_000_000)  # what follows a JPEG's end is nobody's business
        answer = client.post(
            "/api/v1/inspect", files={"file": ("a.jpg", large)}, data={"station_id": product.station}
        )
        assert answer.status_code == 200, answer.text
