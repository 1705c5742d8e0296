"""What parameters a component takes, as its syntax tree tells."""

import ast
from collections.abc import Collection
from dataclasses import dataclass

_GIVEN = frozenset({"self", "cls", "cfg"})
"""Filled in by whoever creates a component, never by its configuration."""


@dataclass(frozen=True)
class Signature:
    """Parameters of a component's constructor."""

    required: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    open: bool = True
    """Takes any name beside these."""

    def missing(self, given: Collection[str]) -> tuple[str, ...]:
        return tuple(name for name in self.required if name not in given)

    def unknown(self, given: Collection[str]) -> tuple[str, ...]:
        known = {*self.required, *self.optional}
        return () if self.open else tuple(sorted(name for name in given if name not in known))


def signature_of(module: ast.Module) -> Signature:
    """Of the first public class, or else the first public function; open without either."""
    for node in module.body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            return _of_class(node)
    for node in module.body:
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
            return _of_function(node)
    return Signature()


def _of_class(node: ast.ClassDef) -> Signature:
    for member in node.body:
        if isinstance(member, ast.FunctionDef) and member.name == "__init__":
            return _of_function(member)
    return Signature()  # inherited, from where nobody reads


def _of_function(node: ast.FunctionDef) -> Signature:
    asked = node.args
    plain = [argument.arg for argument in (*asked.posonlyargs, *asked.args)]
    first_optional = len(plain) - len(asked.defaults)
    named = list(zip((argument.arg for argument in asked.kwonlyargs), asked.kw_defaults, strict=True))
    required = [*plain[:first_optional], *(name for name, default in named if default is None)]
    optional = [*plain[first_optional:], *(name for name, default in named if default is not None)]
    return Signature(
        tuple(name for name in required if name not in _GIVEN),
        tuple(name for name in optional if name not in _GIVEN),
        asked.kwarg is not None,
    )
