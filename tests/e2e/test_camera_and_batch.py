"""Parts that come by camera and by archive, through the running product."""

import csv
import io
import time
import zipfile

import pytest

from andon.inspection.camera.plate import PlateCamera

pytestmark = pytest.mark.timeout(300)


def test_a_station_looks_through_its_own_camera(product):
    with product.client() as client:
        place = {"station_id": product.station}
        assert client.post("/api/v1/inspect/camera", params=place).status_code == 409
        source = {"kind": "plate", "seed": 0, "defects": 1.0}
        assert client.put(f"/api/v1/cameras/{product.station}", json={"source": source}).status_code == 200
        answer = client.post("/api/v1/inspect/camera", params=place | {"part_id": "C1"})
        part = answer.json()
        assert answer.status_code == 200, part
        assert (part["part_id"], part["source"], part["width"]) == ("C1", "camera", 1280)
        assert client.get(f"/api/v1/inspect/{part['id']}").json()["decision"] == part["decision"]
        assert client.get("/api/v1/cameras").json()["cameras"][0]["captured"] == 1
        assert client.delete(f"/api/v1/cameras/{product.station}").status_code == 200


@pytest.mark.long
def test_an_archive_of_parts_is_judged_as_a_job(product):
    plate = PlateCamera(good_first=3, defects=1.0)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for number in range(6):
            archive.writestr(f"part-{number}.jpg", plate.shot(number).data)
        archive.writestr("broken.jpg", b"")
    with product.client() as client:
        form = {"name": "Shift A", "station_id": product.station}
        answer = client.post("/api/v1/batch/jobs", data=form, files={"file": ("a.zip", out.getvalue())})
        job = answer.json()
        assert (answer.status_code, job["status"], job["total_files"]) == (200, "pending", 7), job
        path = f"/api/v1/batch/jobs/{job['id']}"
        assert client.post(f"{path}/start").status_code == 200
        deadline = time.monotonic() + 60
        while (job := client.get(path).json())["status"] in ("pending", "running"):
            assert time.monotonic() < deadline
            time.sleep(0.1)
        assert (job["status"], job["processed_files"], job["failed_files"]) == ("completed", 7, 1), job
        assert job["passed"] + job["failed"] + job["uncertain"] == 6
        assert job["failed"] >= 2
        rows = list(csv.DictReader(io.StringIO(client.get(f"{path}/results.csv").text)))
        assert [row["status"] for row in rows] == ["judged"] * 6 + ["failed"]
        assert (
            client.get(f"/api/v1/inspect/{rows[5]['inspection_id']}").json()["decision"]
            == rows[5]["decision"]
        )
        assert client.post(f"{path}/start").status_code == 409
        assert client.delete(path).status_code == 200
        folder = {"name": "b", "input_dir": "/etc", "station_id": product.station}
        refused = client.post("/api/v1/batch/jobs", json=folder)
        assert refused.status_code == 403
        assert "ANDON_BATCH__ROOTS" in refused.json()["detail"]
