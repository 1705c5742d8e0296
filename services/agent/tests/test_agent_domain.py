"""Lines, segments, archives and ends, without a queue."""

import io
import socket
import sys
import tarfile
import zipfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from andon import report
from andon.agent.adapters.archive import Limits, unpack
from andon.agent.adapters.cache import Cache
from andon.agent.adapters.machine import Machine
from andon.agent.domain.ending import named, oldest_first
from andon.agent.domain.lines import LONGEST, Cutter, Marks
from andon.agent.domain.segments import Bounds, name_of, surplus
from andon.agent.domain.starting import CannotPrepare
from andon.agent.keeper.stream import Stream

LIMITS = Limits(size=1 << 20, entries=50)


def heard(*said: str) -> Marks:
    marks = Marks()
    for line in said:
        marks.hear(line.encode())
    return marks


def test_a_line_tells_progress_steps_metrics_and_words() -> None:
    marks = heard(
        '::andon progress=0.4 epoch=3 loss=0.12 message="half \\"way\\" = ok" checkpoint={"epoch": 3}'
    )
    assert (marks.fraction, marks.step, marks.metrics) == (0.4, 3, {"loss": 0.12})
    assert marks.message == 'half "way" = ok'
    assert marks.checkpoint == {"epoch": 3}


@pytest.mark.parametrize(
    "line",
    ["", "::andon", "::andon ", "::andon nonsense", "::andon loss=nan", "::andon loss=1e999", "::andon =1",
     "::andon checkpoint={", "::andon checkpoint=[1]", "::other progress=1", " ::andon progress=1",
     "::andon epoch=x"],
)  # fmt: skip
def test_what_says_nothing_changes_nothing(line: str) -> None:
    assert heard(line) == Marks()


def test_steps_make_a_fraction_unless_one_is_told() -> None:
    assert heard("::andon epoch=3 epochs=4").fraction == 0.75
    assert heard("::andon step=9 total=4").fraction == 1.0
    assert heard("::andon progress=0.1", "::andon epoch=3 epochs=4").fraction == 0.1
    assert heard("::andon progress=7").fraction == 1.0


def test_a_job_can_not_fill_memory_with_metrics() -> None:
    marks = heard(*(f"::andon m{number}=1" for number in range(5000)))
    assert len(marks.metrics) == 1024


@pytest.mark.parametrize("size", [1, 2, 7, 8, 9, 1000])
def test_marked_lines_are_found_however_the_stream_is_cut(size: int) -> None:
    lines = [
        b"noise",
        b"::andon progress=0.1",
        b"x ::andon progress=0.9",
        b"",
        b"::andon a=1",
        b"::ando",
        b"::andon b=2",
    ]
    lines += [b"::andon " + b"y" * LONGEST, b"::andon c=3"]
    data = b"\n".join(lines) + b"\n::andon unfinished=1"
    cutter = Cutter()
    found = [line for at in range(0, len(data), size) for line in cutter.cut(data[at : at + size])]
    assert found == [b"::andon progress=0.1", b"::andon a=1", b"::andon b=2", b"::andon c=3"]


def test_what_a_program_reports_is_understood(capsys: pytest.CaptureFixture[str]) -> None:
    report.progress(0.25, epoch=2, loss=1e-9, message="it's = fine\n")
    report.checkpoint({"file": "last.pt"})
    marks = heard(*capsys.readouterr().out.splitlines())
    assert (marks.fraction, marks.step, marks.metrics) == (0.25, 2, {"loss": 1e-9})
    assert (marks.message, marks.checkpoint) == ("it's = fine\n", {"file": "last.pt"})
    with pytest.raises(ValueError, match="finite"):
        report.progress(loss=float("nan"))


def test_the_middle_of_a_stream_is_left_out(tmp_path: Path) -> None:
    stream = Stream(tmp_path, Bounds(segment=10, head=2, tail=2))
    for number in range(100):
        stream.write(f"{number:07d}".encode())
    stream.close()
    kept = sorted(tmp_path.iterdir())
    assert [file.name for file in kept] == [name_of(at) for at in (0, 10, 680, 690)]
    assert stream.size == 700
    assert kept[-1].read_bytes() == b"".join(f"{n:07d}".encode() for n in range(100))[690:]
    assert surplus([0, 10, 20], Bounds(10, 2, 2)) == []


def test_a_stream_goes_on_when_its_folder_can_not_be_written(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("in the way")
    stream = Stream(tmp_path / "log" / "stdout", Bounds(segment=10, head=1, tail=1))
    stream.write(b"x" * 1000)
    assert stream.size == 1000


def tar_of(*members: tuple[str, str, str | bytes]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for name, kind, content in members:
            info = tarfile.TarInfo(name)
            if kind == "file":
                data = content if isinstance(content, bytes) else content.encode()
                info.size = len(data)
                tar.addfile(info, io.BytesIO(data))
            else:
                info.type = {"link": tarfile.SYMTYPE, "hard": tarfile.LNKTYPE, "pipe": tarfile.FIFOTYPE}[kind]
                info.linkname = str(content)
                tar.addfile(info)
    return packed.getvalue()


@pytest.mark.parametrize(
    "members",
    [
        [("../out", "file", "x")],
        [("/etc/out", "file", "x")],
        [("a/../../out", "file", "x")],
        [("..\\out", "file", "x")],
        [("link", "link", "/etc")],
        [("link", "link", "../..")],
        [("a", "link", "b"), ("b", "link", "../../x")],
        [("d", "link", ".."), ("d/out", "file", "x")],
        [("hard", "hard", "/etc/passwd")],
        [("pipe", "pipe", "")],
        [("bomb", "file", bytes(2 << 20))],
        [(f"many{n}", "file", "") for n in range(60)],
    ],
)
def test_an_archive_that_reaches_out_or_blows_up_is_refused(
    members: list[tuple[str, str, str]], tmp_path: Path
) -> None:
    archive, target = tmp_path / "a.tgz", tmp_path / "in" / "work"
    archive.write_bytes(tar_of(*members))
    with pytest.raises(CannotPrepare):
        unpack(archive, target, LIMITS)
    outside = [path for path in tmp_path.rglob("*") if target not in (path, *path.parents)]
    assert sorted(path.name for path in outside) == ["a.tgz", "in"]


def test_links_that_stay_inside_are_kept(tmp_path: Path) -> None:
    archive = tmp_path / "a.tgz"
    archive.write_bytes(tar_of(("src/main.py", "file", "print()"), ("run.py", "link", "src/main.py")))
    unpack(archive, tmp_path / "work", LIMITS)
    assert (tmp_path / "work" / "run.py").read_text() == "print()"


def test_a_zip_is_held_to_the_same(tmp_path: Path) -> None:
    archive = tmp_path / "a.zip"
    with zipfile.ZipFile(archive, "w") as packed:
        packed.writestr("../out", "x")
    with pytest.raises(CannotPrepare, match="outside"):
        unpack(archive, tmp_path / "in" / "work", LIMITS)
    archive.write_bytes(b"neither")
    with pytest.raises(CannotPrepare, match="neither"):
        unpack(archive, tmp_path / "in" / "work", LIMITS)


def test_a_cached_input_that_changed_is_not_used(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "cache", 10)
    cache.prepare()
    digest = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
    scratch = cache.scratch()
    scratch.write_bytes(b"hello")
    cache.add(scratch, digest)
    assert cache.take(digest, tmp_path / "out")
    kept = tmp_path / "cache" / digest
    kept.chmod(0o600)
    kept.write_bytes(b"hallo")
    assert not cache.take(digest, tmp_path / "again")
    assert not kept.exists()


def test_the_cache_keeps_what_was_used_last() -> None:
    sizes = [(1.0, 6, "old"), (3.0, 6, "new"), (2.0, 4, "middle")]
    assert oldest_first(sizes, 10) == ["old"]
    assert oldest_first(sizes, 0) == ["old", "middle", "new"]


def test_artifacts_have_names_that_can_be_told() -> None:
    assert named("model", "a/b.onnx", single=True) == "model"
    assert named("all", "a\nb\udcff", single=False) == "all/a_b_"
    assert len(named("all", "x" * 500, single=False)) <= 128


class Nvml:
    """As nvidia-ml-py speaks, of two cards of which one has fallen off the bus."""

    NVMLError = type("NVMLError", (Exception,), {})
    NVML_TEMPERATURE_GPU = 0

    def nvmlInit(self) -> None: ...  # noqa: N802 - the library's own name, as the next

    def nvmlSystemGetCudaDriverVersion(self) -> int:  # noqa: N802
        return 12080

    def nvmlDeviceGetCount(self) -> int:  # noqa: N802
        return 2

    def nvmlDeviceGetHandleByIndex(self, index: int) -> int:  # noqa: N802
        return index

    def nvmlDeviceGetMemoryInfo(self, handle: int) -> SimpleNamespace:  # noqa: N802
        if handle == 1:
            raise self.NVMLError
        return SimpleNamespace(used=3 << 30, total=80 << 30)

    def nvmlDeviceGetName(self, _handle: int) -> bytes:  # noqa: N802
        return b"NVIDIA H100"

    def nvmlDeviceGetUtilizationRates(self, _handle: int) -> SimpleNamespace:  # noqa: N802
        return SimpleNamespace(gpu=37)

    def nvmlDeviceGetTemperature(self, _handle: int, _sensor: int) -> int:  # noqa: N802
        raise self.NVMLError

    def nvmlDeviceGetPowerUsage(self, _handle: int) -> int:  # noqa: N802
        return 310_500


def test_a_machine_tells_of_its_gpus(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", Nvml())
    facts = Machine(tmp_path).facts()
    (gpu,) = facts.gpus
    assert (gpu.id, gpu.name, gpu.util, gpu.power_usage) == (0, "NVIDIA H100", 37, 310.5)
    assert gpu.temperature is None
    assert (facts.gpu_count, facts.gpu_util, facts.vram_total) == (1, 37, 80 << 30)
    assert (facts.cuda_version, facts.gpu_power_usage, facts.gpu_temperature) == ("12.8", 310.5, None)


def test_a_machine_without_gpus_tells_what_it_has(tmp_path: Path) -> None:
    facts = Machine(tmp_path).facts(reserve=10**18)
    assert (facts.gpu_count, facts.gpus, facts.gpu_util, facts.disk_free) == (0, (), None, 0)
    assert 0 < facts.memory_used < facts.memory_total
    assert facts.hostname == socket.gethostname()
    assert facts.clock is not None
    versions: Any = facts.code_version["versions"]
    assert {"python", "andon-agent"} <= versions.keys()
