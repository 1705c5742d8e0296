"""Whether a machine is what a job expects, and what a job's names stood for."""

from collections.abc import Iterable, Mapping, Sequence

from andon.contracts.queue import Components, Environment, Given, Input, Spec

_NAMED = 20
"""Packages that are told one by one."""
_LONGEST = 2000


def differing(was: Environment, here: Environment) -> tuple[str, ...]:
    """A sentence for each thing that is not as it was; none where the two are alike."""
    found: list[str] = []
    if was.python != here.python:
        found.append(f"it ran on {was.python or 'no Python'}; here is {here.python or 'no Python'}")
    if was.platform != here.platform:
        found.append(f"it ran on {was.platform}; this is {here.platform}")
    if was.lock_sha256 != here.lock_sha256:
        found.append(f"its lock file was {_lock(was)}; here it is {_lock(here)}")
    if was.packages_sha256 != here.packages_sha256:
        found.append(_packages(was.packages, here.packages))
    return tuple(each[:_LONGEST] for each in found)


def pinned(spec: Spec, given: Sequence[Given], components: Mapping[str, str]) -> Spec:
    """The same with every name bound to the bytes it stood for; the snapshot becomes the first input."""
    places = [None] * (len(given) - len(spec.inputs)) + [each.mount_path for each in spec.inputs]
    inputs = tuple(
        Input(name=each.name, source=each.source, sha256=each.sha256, kind=each.kind, mount_path=place)
        for each, place in zip(given, places, strict=True)
    )
    asked = spec.components
    exact = None if asked is None else _exact(asked, components)
    return spec.model_copy(
        update={"inputs": inputs, "snapshot_id": None, "components": exact, "expects": None}
    )


def _exact(asked: Components, versions: Mapping[str, str]) -> Components:
    return asked.model_copy(update={"manifest": None, "versions": dict(versions)})


def _lock(of: Environment) -> str:
    return f"{of.lock} {of.lock_sha256}" if of.lock_sha256 else "none"


def _packages(was: Iterable[str], here: Iterable[str]) -> str:
    before, now = _versions(was), _versions(here)
    changed = sorted(name for name in before.keys() | now.keys() if before.get(name) != now.get(name))
    told = [f"{name} {now.get(name, 'is missing')}, was {before.get(name, 'missing')}" for name in changed]
    rest = f" and {len(told) - _NAMED} more" if len(told) > _NAMED else ""
    return f"{len(told)} packages are other ones: {'; '.join(told[:_NAMED])}{rest}"


def _versions(lines: Iterable[str]) -> dict[str, str]:
    return {name: version for name, _, version in (line.partition("==") for line in lines)}
