"""The quality page in a real browser: charts that say what the API says, each with its numbers."""

import csv
import re
from pathlib import Path

import pytest
from dashboard_browser import SOON, serious, sign_in, small_targets
from playwright.sync_api import Page, expect

pytestmark = [pytest.mark.timeout(300), pytest.mark.long]


def taken(page: Page, chart: str) -> list[dict[str, str]]:
    """The numbers behind a chart, as a spreadsheet reads them."""
    with page.expect_download(timeout=SOON) as download:
        page.get_by_role("button", name=f"Download the data of “{chart}”").click()
    return list(csv.DictReader(Path(download.value.path()).read_text().splitlines()))


def test_charts_show_what_was_judged_and_give_their_numbers(product, page, complaints):
    product.andon(
        "camera",
        "--station",
        product.station,
        "--rate",
        "0",
        "--count",
        "20",
        "--good",
        "8",
        "--defects",
        "0.6",
    )
    sign_in(page, f"/quality?range=24h&station={product.station}")
    expect(page.locator("canvas").first).to_be_visible(timeout=SOON)
    with product.client() as client:
        params = {"hours": 24, "station_id": product.station}
        told = client.get("/api/v1/statistics", params=params).json()
    steps = taken(page, "Parts and pass rate")
    assert len(steps) == 24
    assert sum(int(step["parts"]) for step in steps) == told["total_inspections"]
    assert sum(int(step["failed"]) for step in steps) == told["failed"]
    causes = {cause["class"]: int(cause["findings"]) for cause in taken(page, "What was found most")}
    assert causes == told["defect_breakdown"]
    control = taken(page, "Control chart of failed parts")
    assert all(float(step["upper_limit"]) >= float(step["centre"]) for step in control if step["fail_rate"])
    assert sum(int(shift["parts"]) for shift in taken(page, "By shift")) == told["total_inspections"]
    expect(page.get_by_text(re.compile(r"^Of \d+ parts? with \d+ findings"))).to_be_visible(timeout=SOON)
    assert any(int(cell["parts_with_a_finding"]) for cell in taken(page, "Where on the part"))
    assert serious(page) == []
    assert [each for each in small_targets(page) if "SegmentedControl-input" not in each] == []
    assert complaints == []


def test_the_time_stands_in_the_address_and_new_parts_count_at_once(product, page, complaints):
    sign_in(page, "/quality")
    parts = page.locator("dl > div", has_text="Parts").locator("dd")
    expect(parts).to_have_text(re.compile(r"\d"), timeout=SOON)
    page.get_by_role("search").get_by_text("3 days", exact=True).click()
    expect(page).to_have_url(re.compile("range=3d"))
    page.reload()
    expect(page.get_by_role("radio", name="3 days")).to_be_checked(timeout=SOON)
    expect(parts).to_have_text(re.compile(r"\d"), timeout=SOON)
    before = int(parts.inner_text().replace(",", ""))
    with product.camera("--rate", "4", "--good", "8", "--defects", "0.2", "--count", "12"):
        expect(parts).not_to_have_text(f"{before:,}", timeout=SOON)
    assert int(parts.inner_text().replace(",", "")) > before
    page.goto("/quality?since=2020-01-01T00:00&until=2020-01-02T00:00")
    expect(page.get_by_text("No part was judged in this time")).to_be_visible(timeout=SOON)
    assert complaints == []
