"""Which version a station judged by before, whatever was rolled back since."""

from collections.abc import Sequence

from andon.contracts.station import Deployment, DeploymentKind

_BACK = (DeploymentKind.ROLLBACK, DeploymentKind.AUTOMATIC_ROLLBACK)


def standing(history: Sequence[Deployment]) -> list[str]:
    """Versions that were taken into use and not rolled back, the one in use last; `history` is newest first.

    A rollback takes away what came after the version it went back to, so that a second one goes further back.
    """
    stack: list[str] = []
    for entry in reversed(history):
        if entry.kind in _BACK:
            while stack and stack[-1] != entry.version_id:
                stack.pop()
        if not stack or stack[-1] != entry.version_id:
            stack.append(entry.version_id)
    return stack


def previous(history: Sequence[Deployment]) -> list[str]:
    """Versions to go back to, the nearest first."""
    stack = standing(history)
    return [version for version in reversed(stack[:-1]) if version != stack[-1]]
