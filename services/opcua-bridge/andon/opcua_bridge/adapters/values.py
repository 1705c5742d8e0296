"""Readings as OPC UA values."""

# asyncua says less of its types than it knows.
# pyright: reportPrivateImportUsage=false, reportArgumentType=false

from datetime import UTC, datetime
from typing import Any

from asyncua import ua

from andon.opcua_bridge.domain.readings import NO_TIME, Quality, Reading

STATION_TYPES = {
    "LastDecision": ua.VariantType.String,
    "LastConfidence": ua.VariantType.Float,
    "ObjectsFound": ua.VariantType.Int32,
    "CycleTimeMs": ua.VariantType.Float,
    "PassCount": ua.VariantType.Int32,
    "FailCount": ua.VariantType.Int32,
    "UncertainCount": ua.VariantType.Int32,
    "PassRate1h": ua.VariantType.Float,
    "LastInspectionTime": ua.VariantType.DateTime,
}
STATUS_TYPES = {
    "IsRunning": ua.VariantType.Boolean,
    "APIVersion": ua.VariantType.String,
    "UptimeSeconds": ua.VariantType.UInt64,
}
_EMPTY: dict[ua.VariantType, Any] = {
    ua.VariantType.String: "",
    ua.VariantType.Float: 0.0,
    ua.VariantType.Int32: 0,
    ua.VariantType.UInt64: 0,
    ua.VariantType.Boolean: False,
    ua.VariantType.DateTime: NO_TIME,
}
_STATUS_CODES = {
    Quality.GOOD: ua.StatusCode(ua.StatusCodes.Good),
    Quality.INITIAL: ua.StatusCode(ua.StatusCodes.UncertainInitialValue),
    Quality.LAST_USABLE: ua.StatusCode(ua.StatusCodes.UncertainLastUsableValue),
    Quality.INCOMPLETE: ua.StatusCode(ua.StatusCodes.UncertainDataSubNormal),
}
_MAX_INT32 = 2**31 - 1


def value_of(kind: ua.VariantType, reading: Reading, now: datetime) -> ua.DataValue:
    """With its quality and both times."""
    # asyncua guesses types from Python's: a float would go out as a Double, an int as an Int64.
    value = min(reading.value, _MAX_INT32) if kind is ua.VariantType.Int32 else reading.value
    return ua.DataValue(
        ua.Variant(value, kind),
        StatusCode=_STATUS_CODES[reading.quality],
        SourceTimestamp=reading.at,
        ServerTimestamp=now,
    )


def nothing_yet(kind: ua.VariantType) -> ua.DataValue:
    """What a node shows until it is written."""
    code = ua.StatusCode(ua.StatusCodes.BadWaitingForInitialData)
    now = datetime.now(UTC)
    return ua.DataValue(ua.Variant(_EMPTY[kind], kind), StatusCode=code, ServerTimestamp=now)


def says(shown: ua.DataValue, reading: Reading) -> bool:
    """Whether a node's value is the reading's already, in value and quality."""
    code = _STATUS_CODES[reading.quality]
    return shown.Value is not None and (shown.Value.Value, shown.StatusCode) == (reading.value, code)
