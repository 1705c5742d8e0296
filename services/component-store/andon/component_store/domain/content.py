"""What a content is by its hashes, and whether it can be what it is said to be. Nothing is ever executed."""

import ast
import hashlib
import warnings
from dataclasses import dataclass

import xxhash
import yaml

from andon.contracts import Invalid, TooLarge
from andon.contracts.component import Kind

_MOST_NODES = 100_000
"""Of a configuration with its aliases written out."""
_DEEPEST = 100


@dataclass(frozen=True)
class Digest:
    """Both names of a content."""

    sha256: str
    hash: str
    """XXH3-64 in 16 hex digits."""


def digest(data: bytes) -> Digest:
    """Of the bytes as they are: no newline or form of letters is changed."""
    return Digest(hashlib.sha256(data).hexdigest(), xxhash.xxh3_64_hexdigest(data))


@dataclass(frozen=True)
class Room:
    """How large contents may be, in bytes."""

    most: int
    source: int
    """Of what is parsed: a syntax tree takes up to a thousand times its text."""


def checked(data: bytes, kind: Kind, room: Room) -> None:
    """Raises TooLarge, or Invalid with line and column."""
    most = room.most if kind is Kind.MODEL_HEAD else min(room.source, room.most)
    if len(data) > most:
        raise TooLarge(f"content: {len(data)} bytes are more than the {most} that {kind} may have")
    if kind is Kind.MODEL_HEAD:
        if not data:
            raise Invalid("content: it is empty", {"content": "empty"})
        return
    text = text_of(data)
    if kind is Kind.CONFIG:
        _check_yaml(text)
    else:
        tree(data)


def text_of(data: bytes) -> str:
    """Raises Invalid for what is no UTF-8 text."""
    at = data.find(b"\0")
    if at >= 0:
        raise _invalid("a NUL byte", *_place_of(data, at))
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise _invalid("this is not UTF-8", *_place_of(data, error.start)) from None


def tree(data: bytes) -> ast.Module:
    """The syntax tree of a Python module. Raises Invalid with line and column."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the code's own: an old escape is no error
        try:
            return ast.parse(data)
        except SyntaxError as error:
            raise _invalid(f"syntax error: {error.msg}", error.lineno or 1, error.offset or 1) from None
        except (RecursionError, MemoryError):
            raise _invalid("nested too deeply to be parsed", 1, 1) from None
        except ValueError as error:
            raise _invalid(str(error), 1, 1) from None


def _check_yaml(text: str) -> None:
    try:
        root: object = yaml.compose(text, Loader=yaml.CSafeLoader)  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
        if isinstance(root, yaml.Node):
            _weight(root, {}, 0)
            yaml.load(text, Loader=yaml.CSafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        raise _invalid(f"YAML error: {error.problem or error.context}", *place) from None
    except yaml.YAMLError as error:
        raise _invalid(f"YAML error: {error}".splitlines()[0], 1, 1) from None
    except (ValueError, TypeError, RecursionError) as error:  # a date of 31 February, an unhashable key
        raise _invalid(f"YAML error: {error}", 1, 1) from None


def _weight(node: yaml.Node, known: dict[int, int], depth: int) -> int:
    """Nodes below, aliases written out: merging many small ones can otherwise grow without bounds."""
    if known.get(id(node)) == 0 or depth > _DEEPEST:
        raise _invalid("YAML error: it contains itself, or is nested too deeply", *_start_of(node))
    if id(node) not in known:
        known[id(node)] = 0
        below = 0
        if isinstance(node, yaml.SequenceNode):
            below = sum(_weight(item, known, depth + 1) for item in node.value)
        elif isinstance(node, yaml.MappingNode):
            below = sum(_weight(item, known, depth + 1) for pair in node.value for item in pair)
        known[id(node)] = 1 + below
    if known[id(node)] > _MOST_NODES:
        raise _invalid(f"YAML error: more than {_MOST_NODES} values with its aliases", *_start_of(node))
    return known[id(node)]


def _start_of(node: yaml.Node) -> tuple[int, int]:
    return (node.start_mark.line + 1, node.start_mark.column + 1) if node.start_mark else (1, 1)


def _place_of(data: bytes, at: int) -> tuple[int, int]:
    before = data[:at]
    return before.count(b"\n") + 1, at - (before.rfind(b"\n") + 1) + 1


def _invalid(why: str, line: int, column: int) -> Invalid:
    told = f"{why} in line {line}, column {column}"
    return Invalid(f"content: {told}", {"content": told, "line": str(line), "column": str(column)})
