"""What clients ask of the past: raw values, page by page."""

# asyncua says less of its types than it knows.
# pyright: reportPrivateImportUsage=false, reportArgumentType=false, reportOptionalMemberAccess=false
# pyright: reportAttributeAccessIssue=false

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from asyncua import ua

from andon.contracts import Unavailable
from andon.opcua_bridge.adapters.values import STATION_TYPES
from andon.opcua_bridge.domain.past import FIELDS, Mark, Moment, Span, mark_of

_MOST = 1000
"""Values in one answer."""
_NEVER = timedelta(days=1)

Find = Callable[[str, Span], Awaitable[Sequence[Moment]]]
"""Asked with a station and a span. Raises Unavailable."""


class Reader(Protocol):
    """Answers history reads."""

    async def read(self, params: Any) -> list[Any]:
        """A result for each node."""
        ...


class NoHistory:
    """Where none is kept."""

    async def read(self, params: Any) -> list[Any]:
        """A result for each node."""
        return [_bad(ua.StatusCodes.BadHistoryOperationUnsupported) for _ in params.NodesToRead]


@dataclass(frozen=True)
class StoredHistory:
    """Of stations' numeric nodes."""

    index: int
    """Of our namespace."""
    find: Find

    async def read(self, params: Any) -> list[Any]:
        """A result for each node; what can't be read says why."""
        if params.ReleaseContinuationPoints:
            return [ua.HistoryReadResult() for _ in params.NodesToRead]
        return [await self._read(params.HistoryReadDetails, each) for each in params.NodesToRead]

    async def _read(self, details: Any, wanted: Any) -> Any:
        place = self._place(wanted.NodeId)
        raw = isinstance(details, ua.ReadRawModifiedDetails) and not details.IsReadModified
        if place is None or not raw:
            return _bad(ua.StatusCodes.BadHistoryOperationUnsupported)
        if details.ReturnBounds:
            return _bad(ua.StatusCodes.BadBoundNotSupported)
        try:
            after = mark_of(wanted.ContinuationPoint) if wanted.ContinuationPoint else None
        except ValueError:
            return _bad(ua.StatusCodes.BadContinuationPointInvalid)
        most = min(details.NumValuesPerNode or _MOST, _MOST)
        span = Span(_given(details.StartTime), _given(details.EndTime), after, most + 1)
        if span.start is None and span.end is None:
            return _bad(ua.StatusCodes.BadInvalidTimestampArgument)
        try:
            found = list(await self.find(place[0], span))
        except Unavailable:
            return _bad(ua.StatusCodes.BadResourceUnavailable)
        return _page(found, most, place[1])

    def _place(self, node: ua.NodeId) -> tuple[str, str] | None:
        """Station and name of the node."""
        kind, _, rest = str(node.Identifier).partition("/")
        station_id, _, name = rest.partition("/")
        ours = node.NamespaceIndex == self.index and kind == "station" and name in FIELDS
        return (station_id, name) if ours else None


def _page(found: list[Moment], most: int, node: str) -> Any:
    page, more = found[:most], len(found) > most
    values = [_value(each, node) for each in page]
    result = ua.HistoryReadResult(HistoryData=ua.HistoryData(DataValues=values))
    if more:
        result.ContinuationPoint = bytes(Mark(page[-1].at, page[-1].seq))
    if not page:
        result.StatusCode = ua.StatusCode(ua.StatusCodes.GoodNoData)
    return result


def _value(moment: Moment, node: str) -> ua.DataValue:
    value = ua.Variant(getattr(moment, FIELDS[node]), STATION_TYPES[node])
    return ua.DataValue(value, SourceTimestamp=moment.at, ServerTimestamp=moment.at)


def _given(time: datetime | None) -> datetime | None:
    """OPC UA says "not given" with the beginning of its time."""
    return None if time is None or time - ua.get_win_epoch() < _NEVER else time


def _bad(code: int) -> Any:
    return ua.HistoryReadResult(StatusCode=ua.StatusCode(code))
