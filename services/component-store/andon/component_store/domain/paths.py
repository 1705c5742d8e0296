"""What a component's path may be, and what its ending says."""

import re
import unicodedata
from dataclasses import dataclass
from pathlib import PurePosixPath

from andon.contracts import BadRequest
from andon.contracts.component import Category, Kind

ENDINGS = {
    Kind.CODE: ".py",
    Kind.PREPROCESSING: ".py",
    Kind.CONFIG: ".yaml",
    Kind.MODEL_HEAD: ".onnx",
}
_BY_ENDING = {".py": Kind.CODE, ".yaml": Kind.CONFIG, ".onnx": Kind.MODEL_HEAD}
_NAME = re.compile(r"[A-Za-z_]\w*")
_LONGEST = 100
"""Characters of a name; with its ending it fits every file system, whatever its letters."""
_LONGEST_BYTES = 240


@dataclass(frozen=True)
class Place:
    """Where a component is; two places are one if their paths are equal."""

    category: Category
    name: str
    kind: Kind

    @property
    def ending(self) -> str:
        return ENDINGS[self.kind]

    @property
    def path(self) -> str:
        return f"{self.category}/{self.name}{self.ending}"

    @property
    def file(self) -> PurePosixPath:
        """Below the root of a worker's tree: agents stand beside all other components."""
        above = PurePosixPath() if self.category is Category.AGENT else PurePosixPath("component")
        return above / self.path


def placed(path: str, kind: Kind | None = None) -> Place:
    """The place a path means. Raises BadRequest that names the field."""
    parts = path.replace("\\", "/").strip("/").split("/")
    if len(parts) != 2:  # noqa: PLR2004 - a category and a name
        raise _bad("must be category/name, such as model/resnet.py")
    category = _category(parts[0])
    name, ending = _split(parts[1])
    _check(name)
    of_ending = _BY_ENDING[ending]
    if kind is not None and ENDINGS[kind] != ending:
        raise BadRequest(f"kind: {kind} does not go with the ending {ending} of path", {"kind": "misfit"})
    return Place(category, name, kind or of_ending)


def placed_or_none(path: str) -> Place | None:
    """None for what is no path."""
    try:
        return placed(path)
    except BadRequest:
        return None


def _split(file_name: str) -> tuple[str, str]:
    for ending in _BY_ENDING:
        if file_name.endswith(ending):
            return file_name.removesuffix(ending), ending
    return file_name, ".py"


def _category(text: str) -> Category:
    try:
        return Category(text)
    except ValueError:
        raise _bad(f"unknown category {text[:40]!r}; there are {', '.join(Category)}") from None


def _check(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise _bad("the name must be letters, digits and underscores, and not begin with a digit")
    # Python takes an identifier in this form alone: another one would be a second file for the same module.
    if unicodedata.normalize("NFKC", name) != name:
        raise _bad("the name must be in Unicode's NFKC form")
    if len(name) > _LONGEST or len(name.encode()) > _LONGEST_BYTES:
        raise _bad(f"the name is longer than {_LONGEST} characters or {_LONGEST_BYTES} bytes")


def _bad(why: str) -> BadRequest:
    return BadRequest(f"path: {why}", {"path": why})
