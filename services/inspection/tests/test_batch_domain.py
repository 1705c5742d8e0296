"""What batch files are called, which of them match, and what a camera's address gives away."""

import pytest

from andon.contracts import BadRequest, Invalid
from andon.contracts.batch import FileResult, FileState
from andon.contracts.camera import HttpSource, PlateSource, RtspSource
from andon.contracts.inspection import Decision, FrameCaptured
from andon.inspection.domain.batch import Tally, ending, frame_id, matching, named
from andon.inspection.domain.cameras import checked, completed, redacted, shown
from andon.inspection.store.batches import OwnedJob
from andon.testing import build

JOB = "4f1d2c3b5a6978880796a5b4c3d2e1f0"


@pytest.mark.parametrize(
    ("pattern", "name", "matches"),
    [
        ("*.jpg", "a.jpg", True),
        ("*.jpg", "A.JPG", True),
        ("*.jpg", "a.jpg.txt", False),
        ("part-??.png", "part-07.png", True),
        ("part-[0-4]*", "part-7.png", False),
        ("*", "anything", True),
        ("[", "[", True),
    ],
)
def test_a_pattern_is_for_the_whole_name_in_any_case(pattern, name, matches):
    assert bool(matching(pattern).match(name)) is matches


@pytest.mark.parametrize("pattern", ["a/*.jpg", "..\\*.jpg", "..", "*.j\npg", "*\x00", "*" * 9])
def test_a_pattern_that_names_more_than_a_file_is_refused_by_its_field(pattern):
    with pytest.raises(BadRequest, match="file_pattern"):
        matching(pattern)


def test_frame_ids_are_stable_and_different_and_fit_however_long_the_path_is():
    names = ["a.jpg", "sub/a.jpg", f"{'x' * 300}/1.jpg", f"{'y' * 300}/1.jpg"]
    frames = [frame_id(JOB, name) for name in names]
    assert frames[:2] == [f"batch/{JOB}/a.jpg", f"batch/{JOB}/sub/a.jpg"]
    assert len(set(frames)) == 4
    assert frames == [frame_id(JOB, name) for name in names]
    for frame in frames:
        FrameCaptured(frame_id=frame)


def test_a_name_that_can_not_stand_in_a_record_has_failed_before_it_is_read():
    for name in ("caf\udce9.jpg", "two\nlines.jpg"):
        file = named(3, name)
        assert (file.index, file.status) == (3, FileState.FAILED)
        file.name.encode()
        assert file.name.isprintable()
    assert named(0, "Stück.jpg").status is FileState.WAITING


def test_a_tally_is_a_jobs_figures():
    tally = Tally()
    for decision in (Decision.PASS, Decision.FAIL, Decision.FAIL, Decision.UNCERTAIN):
        tally.add(FileResult(index=0, name="a", status=FileState.JUDGED, decision=decision))
    tally.add(FileResult(index=0, name="a", status=FileState.FAILED, error="empty"))
    assert tally.figures(8) == {
        "total_files": 8, "processed_files": 5, "failed_files": 1, "passed": 1, "failed": 2, "uncertain": 1,
        "progress_percent": 62.5,
    }  # fmt: skip


def test_a_job_none_of_whose_files_could_be_judged_is_a_failure():
    job = OwnedJob(id=JOB, name="a", station_id="a", file_pattern="*", created_at=build.NOON, total_files=2)
    assert ending(job.model_copy(update={"failed_files": 1})) is None
    assert "none of the 2 files" in (ending(job.model_copy(update={"failed_files": 2})) or "")


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("rtsp://eve:s3cret@10.0.0.7:554/live", "rtsp://eve:***@10.0.0.7:554/live"),
        ("rtsp://eve:p%40ss@cam/live", "rtsp://eve:***@cam/live"),
        ("rtsp://cam/live", "rtsp://cam/live"),
        ("http://eve@cam/a.jpg", "http://eve@cam/a.jpg"),
        ("http://cam/a.jpg?channel=1&pwd=s3cret", "http://cam/a.jpg?channel=1&pwd=***"),
        ("http://cam/a.jpg?access_token=s3cret", "http://cam/a.jpg?access_token=***"),
        ("http://cam/a.jpg?q=1#s3cret", "http://cam/a.jpg?q=1"),
    ],
)
def test_an_address_is_shown_without_its_secrets(url, expected):
    assert redacted(url) == expected


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd", "/dev/video0", "ftp://cam/a", "rtsp://", "rtsp://cam:notaport/", "rtsp://ca m/",
        "rtsp://eve:12/34@cam/live", "rtsp://eve:a#b@cam/", "concat:a|b", "rtsp://cam/\n",
    ],
)  # fmt: skip
def test_an_address_that_no_camera_has_is_refused(url):
    with pytest.raises(Invalid, match=r"source\.url"):
        checked(RtspSource(url=url))


def test_snapshots_are_over_http_alone():
    assert checked(HttpSource(url="https://cam/a.jpg"))
    with pytest.raises(Invalid, match="http"):
        checked(HttpSource(url="rtsp://cam/a.jpg"))


def test_what_was_shown_may_be_sent_back_and_keeps_its_secret():
    known = RtspSource(url="rtsp://eve:s3cret@cam/live")
    assert completed(shown(known), known) == known
    other = RtspSource(url="rtsp://eve:***@elsewhere/live")
    assert completed(other, known) == other  # the secret never goes to another host
    assert completed(PlateSource(), known) == PlateSource()
