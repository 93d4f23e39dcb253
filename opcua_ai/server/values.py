"""Python values -> OPC UA DataValues that are never changed once written."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from asyncua import ua

from opcua_ai.core import status as codes
from opcua_ai.core.types import to_datetime

VT = ua.VariantType
BAD_NOT_SUPPORTED = 0x803D0000
"""The model gives no such figure (bounds, confidence)."""


def node_id(identifier: int | str | bytes, namespace: int = 0) -> ua.NodeId:
    """A NodeId; asyncua's annotations only know its own integer and string classes."""
    return ua.NodeId(identifier, namespace)  # type: ignore[arg-type]


def node_ids(*identifiers: int) -> frozenset[ua.NodeId]:
    """NodeIds of OPC UA's own namespace."""
    return frozenset(node_id(identifier) for identifier in identifiers)


def code(status: int) -> ua.StatusCode:
    """A StatusCode from its number."""
    return ua.StatusCode(int(status))  # type: ignore[arg-type]


def plant_time(time_ns: int) -> datetime | None:
    """SourceTimestamp of a plant time; None when nothing has ever been sampled."""
    return to_datetime(int(time_ns)) if time_ns > 0 else None


def strings(values: Sequence[str]) -> ua.Variant:
    return ua.Variant(list(values), VT.String, is_array=True)


def doubles(values: Sequence[float]) -> ua.Variant:
    return ua.Variant([float(v) for v in values], VT.Double, is_array=True)


def string(value: str) -> ua.Variant:
    return ua.Variant(value, VT.String)


def integer(value: int) -> ua.Variant:
    """An Int32, which enumerations are too (Part 3, 8.14)."""
    return ua.Variant(int(value), VT.Int32)


def boolean(value: bool) -> ua.Variant:
    return ua.Variant(value, VT.Boolean)


def double(value: float) -> ua.Variant:
    return ua.Variant(float(value), VT.Double)


def text(value: str, locale: str = "") -> ua.Variant:
    return ua.Variant(ua.LocalizedText(value, locale or None), VT.LocalizedText)


def node(value: ua.NodeId) -> ua.Variant:
    return ua.Variant(value, VT.NodeId)


def moment(value: datetime | None) -> ua.Variant:
    """A DateTime; null when it is not known."""
    return ua.Variant(value, VT.DateTime) if value is not None else ua.Variant()


class Stamp:
    """Status and times that all variables written in one go share."""

    def __init__(self, status: int = codes.GOOD, source: datetime | None = None) -> None:
        self.status = status
        self._now = datetime.now(UTC)
        self._source = source
        self._code = code(status)

    @classmethod
    def now(cls) -> Stamp:
        """Good, as of this moment: for what the server itself knows."""
        return cls(codes.GOOD, datetime.now(UTC))

    def __call__(self, variant: ua.Variant) -> ua.DataValue:
        return self._value(variant, self._code)

    def bad(self, status: int) -> ua.DataValue:
        """No value, for this reason; a Bad status of the whole comes first."""
        if codes.is_bad(self.status):
            status = self.status
        return self._value(ua.Variant(), code(status))

    def _value(self, variant: ua.Variant, status: ua.StatusCode) -> ua.DataValue:
        return ua.DataValue(variant, status, self._source, self._now)  # type: ignore[arg-type]

    def figure(self, value: float, missing: int = BAD_NOT_SUPPORTED) -> ua.DataValue:
        """A Double; a figure that is not finite becomes ``missing``, never a Good NaN."""
        return self(double(value)) if math.isfinite(value) else self.bad(missing)

    def moment(self, value: datetime | None) -> ua.DataValue:
        if value is None:
            return self.bad(codes.BAD_WAITING_FOR_INITIAL_DATA)
        return self(moment(value))


def extension(value: Any) -> ua.Variant:
    return ua.Variant(value, VT.ExtensionObject)


def extensions(values: Sequence[Any]) -> ua.Variant:
    return ua.Variant(list(values), VT.ExtensionObject, is_array=True)
