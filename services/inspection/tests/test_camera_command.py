"""`andon camera` as it is typed."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from andon.inspection.camera.command import app
from andon.messaging import BusSettings


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, arguments)
    return result.exit_code, result.output


@pytest.fixture
def on_the_bus(bus_settings: BusSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANDON_BUS__URL", bus_settings.url)


@pytest.mark.usefixtures("on_the_bus")
def test_plates_are_shown_and_counted():
    code, output = run("--count", "5", "--rate", "0", "--station", "line-7")
    assert code == 0, output
    assert "a rendered machined plate" in output
    assert "5 parts sent" in output


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--images", "/nowhere"), "There is no folder /nowhere."),
        (("--source", "photos", "--images", "/nowhere"), "pip install"),
        (("--station", "no spaces please"), "letters, digits"),
        (("--defects", "2"), "defects"),
    ],
)
def test_what_is_wrong_is_said_in_a_line_without_a_traceback(arguments: tuple[str, ...], said: str):
    code, output = run(*arguments)
    assert code != 0
    assert said in output
    assert "Traceback" not in output


def test_the_licence_of_the_photographs_is_shown_first():
    assert "CC BY-NC-SA 4.0" in run("--source", "photos", "--images", "/nowhere")[1]


def test_a_folder_without_images_is_named(tmp_path: Path):
    assert "There are no images in" in run("--images", str(tmp_path))[1]
