"""A folder of components: agent/*.py and component/<category>/*.py."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from uuid import uuid4

from andon.component_store.domain.paths import Place, placed
from andon.contracts import BadRequest, NotFound, Refused, TooLarge
from andon.contracts.component import Category

_ENDINGS = (".py", ".yaml", ".onnx")


@dataclass(frozen=True)
class Found:
    """A component's file."""

    place: Place
    file: Path


@dataclass(frozen=True)
class Tree:
    """Below `root`; links that lead out of it are refused."""

    root: Path
    most: int
    """Bytes of one file."""

    def walk(self, on_refused: Callable[[str, str], None]) -> Iterator[Found]:
        """In order of paths. Files that can't be components are told with the reason, and left out.

        Raises NotFound when there is no such folder.
        """
        if not self.root.is_dir():
            raise NotFound(f"there is no folder {self.root}")
        for category in sorted(Category):
            above = PurePosixPath() if category is Category.AGENT else PurePosixPath("component")
            folder = self.root / above / category
            for file in _files(folder):
                try:
                    yield Found(self._checked(placed(f"{category}/{file.name}")), file)
                except Refused as refused:
                    on_refused(str(file.relative_to(self.root)), str(refused))

    def read(self, place: Place) -> bytes | None:
        """None where there is no such file. Raises BadRequest or TooLarge."""
        file = self._file(self._checked(place))
        try:
            with file.open("rb") as opened:
                data = opened.read(self.most + 1)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise BadRequest(f"{place.file} can't be read: {error.strerror}") from None
        if len(data) > self.most:
            raise TooLarge(f"{place.file} has more than {self.most} bytes")
        return data

    def write(self, place: Place, data: bytes) -> None:
        """All or nothing: a reader sees the former file or the new one. Raises BadRequest."""
        file = self._file(self._checked(place))
        draft = file.with_name(f".{file.name}.{uuid4().hex[:8]}.tmp")
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            with draft.open("xb") as opened:
                opened.write(data)
                opened.flush()
                os.fsync(opened.fileno())
            draft.replace(file)
        except OSError as error:
            draft.unlink(missing_ok=True)
            raise BadRequest(f"{place.file} can't be written: {error.strerror}") from None

    def _file(self, place: Place) -> Path:
        return self.root / place.file

    def _checked(self, place: Place) -> Place:
        # A link may stand for a file or a folder of the tree: what counts is where it ends.
        if not self._file(place).resolve().is_relative_to(self.root.resolve()):
            raise BadRequest(f"{place.file} leads out of {self.root}")
        return place


def _files(folder: Path) -> list[Path]:
    try:
        files = [file for file in folder.iterdir() if file.is_file()]
    except OSError:
        return []
    return sorted(file for file in files if file.suffix in _ENDINGS and not file.name.startswith("_"))
