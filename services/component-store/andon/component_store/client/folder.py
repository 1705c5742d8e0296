"""A worker's folder, brought together with the store."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from andon.component_store.adapters.tree import Tree
from andon.component_store.client.remote import Needed, Remote
from andon.component_store.domain.conflicts import (
    Conflict,
    Difference,
    Resolution,
    Strategy,
    difference,
    resolution,
)
from andon.component_store.domain.content import digest
from andon.component_store.domain.paths import placed
from andon.contracts import Refused, Unavailable

_AT_ONCE = 2000
"""Paths that the store is asked about in one request."""


@dataclass
class Outcome:
    """Paths by what became of them."""

    downloaded: list[str] = field(default_factory=list[str])
    uploaded: list[str] = field(default_factory=list[str])
    current: list[str] = field(default_factory=list[str])
    """Nothing was to do."""
    skipped: list[Conflict] = field(default_factory=list[Conflict])
    failed: dict[str, str] = field(default_factory=dict[str, str])
    """Reason by path or file."""


@dataclass(frozen=True)
class Folder:
    tree: Tree
    remote: Remote

    def scan(self, why: str) -> Outcome:
        """Send what the store does not have active; one file that is refused does not end it."""
        outcome = Outcome()
        held = self._held(outcome)
        active = {each.path: each.sha256 for each in self._planned(sorted(held), held)}
        for path, sha256 in held.items():
            if active.get(path) == sha256:
                outcome.current.append(path)
            else:
                self._try(outcome, path, lambda path=path: self._up(path, why, outcome))
        return outcome

    def pull(self, strategy: Strategy, ask: Callable[[Conflict], Resolution], why: str) -> Outcome:
        """Settle every difference; `ask` is called where a person decides."""
        outcome = Outcome()
        for conflict in self.conflicts(outcome):
            chosen = resolution(conflict.difference, strategy)
            if chosen is Resolution.ASK:
                chosen = ask(conflict)
            self._try(
                outcome, conflict.path, lambda chosen=chosen, of=conflict: self._act(chosen, of, why, outcome)
            )
        return outcome

    def restore(
        self,
        wanted: Mapping[str, str],
        strategy: Strategy = Strategy.SERVER_AUTHORITATIVE,
        ask: Callable[[Conflict], Resolution] = lambda _: Resolution.SKIP,
    ) -> Outcome:
        """Write these exact versions; all are fetched before the first is written, and nothing goes up."""
        outcome = Outcome()
        missing: dict[str, str] = {}
        for path, sha256 in wanted.items():
            data = self.tree.read(placed(path))
            local = None if data is None else digest(data).sha256
            conflict = Conflict(path, _against(local), local, sha256)
            if local == sha256:
                outcome.current.append(path)
            elif _gives_way(conflict, strategy, ask):
                missing[path] = sha256
            else:
                outcome.skipped.append(conflict)
        fetched = {path: self.remote.fetch(path, sha256) for path, sha256 in missing.items()}
        for path, data in fetched.items():
            self.tree.write(placed(path), data)
            outcome.downloaded.append(path)
        return outcome

    def conflicts(self, outcome: Outcome) -> Iterator[Conflict]:
        """Where the folder and the store differ, in order of paths; what is alike goes into `outcome`."""
        held = self._held(outcome)
        paths = sorted({*held, *self.remote.paths()})
        active = {each.path: each for each in self._planned(paths, held)}
        for path in paths:
            there = active.get(path)
            local, server = held.get(path), there.sha256 if there else None
            found = difference(local, server, known=there is not None and there.local_known)
            if found is None:
                outcome.current.append(path)
            else:
                yield Conflict(path, found, local, server)

    def _held(self, outcome: Outcome) -> dict[str, str]:
        """sha256 by path of what is in the folder."""
        held: dict[str, str] = {}
        if not self.tree.root.is_dir():
            return held
        for found in self.tree.walk(outcome.failed.__setitem__):
            try:
                data = self.tree.read(found.place)
            except Refused as refused:
                outcome.failed[found.place.path] = str(refused)
            else:
                if data is not None:
                    held[found.place.path] = digest(data).sha256
        return held

    def _planned(self, paths: list[str], held: dict[str, str]) -> Iterator[Needed]:
        for start in range(0, len(paths), _AT_ONCE):
            asked = paths[start : start + _AT_ONCE]
            yield from self.remote.plan(asked, {path: held[path] for path in asked if path in held})

    def _act(self, chosen: Resolution, conflict: Conflict, why: str, outcome: Outcome) -> None:
        if chosen is Resolution.USE_SERVER and conflict.server:
            data = self.remote.fetch(conflict.path, conflict.server)
            self.tree.write(placed(conflict.path), data)
            outcome.downloaded.append(conflict.path)
        elif chosen is Resolution.USE_LOCAL and conflict.local:
            self._up(conflict.path, why, outcome)
        else:
            outcome.skipped.append(conflict)

    def _up(self, path: str, why: str, outcome: Outcome) -> None:
        data = self.tree.read(placed(path))
        if data is None:
            outcome.failed[path] = "it is gone"
        else:
            self.remote.upload(path, data, why)
            outcome.uploaded.append(path)

    @staticmethod
    def _try(outcome: Outcome, path: str, act: Callable[[], None]) -> None:
        try:
            act()
        except Unavailable:
            raise
        except Refused as refused:
            outcome.failed[path] = str(refused)


def _against(local: str | None) -> Difference:
    """Of a version that was asked for by its hash: whatever else is here counts as this folder's own."""
    return Difference.SERVER_ONLY if local is None else Difference.LOCAL_NEWER


def _gives_way(conflict: Conflict, strategy: Strategy, ask: Callable[[Conflict], Resolution]) -> bool:
    """Whether the folder does."""
    chosen = resolution(conflict.difference, strategy)
    if chosen is Resolution.ASK:  # where nothing is here, there is nothing to decide
        chosen = Resolution.USE_SERVER if conflict.local is None else ask(conflict)
    return chosen is Resolution.USE_SERVER
