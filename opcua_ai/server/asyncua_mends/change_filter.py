"""DataChangeFilter with absolute and percent deadband (Part 4, 7.22.2; Part 8, 6.2).

asyncua compares with the last sample, which swallows a slow ramp, and passes everything when the
deadband is in percent. Here a value is compared with the last one that was reported.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from asyncua import ua
from asyncua.server.address_space import AddressSpace
from asyncua.ua import uaerrors
from asyncua.ua.uaprotocol_auto import DataChangeFilter

from opcua_ai.server.values import node_id, node_ids

Passes = Callable[[ua.DataValue, ua.DataValue], bool]
"""(last reported, new) -> whether the new one is reported."""

_HAS_PROPERTY = node_id(ua.ObjectIds.HasProperty)
_EU_RANGE = ua.QualifiedName("EURange")
_NUMERIC = frozenset(range(ua.VariantType.SByte, ua.VariantType.Double + 1))
_NUMERIC_TYPES = node_ids(
    *_NUMERIC,
    ua.ObjectIds.Number,
    ua.ObjectIds.Integer,
    ua.ObjectIds.UInteger,
    ua.ObjectIds.Duration,
)


def change_filter(aspace: AddressSpace, item: ua.ReadValueId, wanted: Any) -> Passes:
    """What a client's MonitoringFilter means for an attribute.

    Raises BadMonitoredItemFilterUnsupported, BadFilterNotAllowed or BadDeadbandFilterInvalid.
    """
    if wanted is None or (isinstance(wanted, ua.ExtensionObject) and wanted.TypeId.is_null()):
        return status_or_value
    if isinstance(wanted, ua.EventFilter):
        raise uaerrors.BadFilterNotAllowed
    # What comes over the wire is of this class; ua.DataChangeFilter is a subclass of it.
    if not isinstance(wanted, DataChangeFilter):
        raise uaerrors.BadMonitoredItemFilterUnsupported
    if wanted.DeadbandType == ua.DeadbandType.None_:
        return _TRIGGERS[wanted.Trigger]
    if item.AttributeId != ua.AttributeIds.Value or not _is_numeric(aspace, item.NodeId):
        raise uaerrors.BadFilterNotAllowed
    width = _width(aspace, item.NodeId, wanted)
    if wanted.Trigger == ua.DataChangeTrigger.Status:
        return status_only
    timestamps = wanted.Trigger == ua.DataChangeTrigger.StatusValueTimestamp

    def passes(old: ua.DataValue, new: ua.DataValue) -> bool:
        return (
            status_only(old, new)
            or (timestamps and old.SourceTimestamp != new.SourceTimestamp)
            or _beyond(_plain(old), _plain(new), width)
        )

    return passes


def status_only(old: ua.DataValue, new: ua.DataValue) -> bool:
    before, after = old.StatusCode, new.StatusCode
    if before is after:
        return False
    return (before.value if before else 0) != (after.value if after else 0)


def status_or_value(old: ua.DataValue, new: ua.DataValue) -> bool:
    before, after = old.Value, new.Value
    if before is None or after is None:
        return before is not after or status_only(old, new)
    return (
        before.Value != after.Value
        or before.VariantType is not after.VariantType
        or status_only(old, new)
    )


def status_value_or_timestamp(old: ua.DataValue, new: ua.DataValue) -> bool:
    return old.SourceTimestamp != new.SourceTimestamp or status_or_value(old, new)


_TRIGGERS: dict[ua.DataChangeTrigger, Passes] = {
    ua.DataChangeTrigger.Status: status_only,
    ua.DataChangeTrigger.StatusValue: status_or_value,
    ua.DataChangeTrigger.StatusValueTimestamp: status_value_or_timestamp,
}


def _plain(value: ua.DataValue) -> Any:
    return value.Value.Value if value.Value is not None else None


def _beyond(old: Any, new: Any, width: float) -> bool:
    """Whether a number, or any element of an array, has moved by more than ``width``."""
    if isinstance(old, list) and isinstance(new, list):
        if len(old) != len(new):
            return True
        return any(_beyond(a, b, width) for a, b in zip(old, new, strict=True))
    if old is None or new is None:
        return old is not new
    # The negation makes a change to or from NaN one that passes.
    return old != new and not abs(new - old) <= width


def _width(aspace: AddressSpace, node: ua.NodeId, wanted: DataChangeFilter) -> float:
    value = wanted.DeadbandValue
    if wanted.DeadbandType == ua.DeadbandType.Absolute:
        if not 0 <= value < float("inf"):
            raise uaerrors.BadDeadbandFilterInvalid
        return value
    if wanted.DeadbandType != ua.DeadbandType.Percent or not 0 <= value <= 100:
        raise uaerrors.BadDeadbandFilterInvalid
    span = _eu_range(aspace, node)
    if span is None:
        raise uaerrors.BadMonitoredItemFilterUnsupported
    return value / 100 * (span.High - span.Low)


def _eu_range(aspace: AddressSpace, node: ua.NodeId) -> ua.Range | None:
    for reference in aspace[node].references:
        if reference.ReferenceTypeId == _HAS_PROPERTY and reference.BrowseName == _EU_RANGE:
            found = _plain(aspace.read_attribute_value(reference.NodeId, ua.AttributeIds.Value))
            return found if isinstance(found, ua.Range) else None
    return None


def _is_numeric(aspace: AddressSpace, node: ua.NodeId) -> bool:
    variant = aspace.read_attribute_value(node, ua.AttributeIds.Value).Value
    if variant is not None and variant.VariantType != ua.VariantType.Null:
        return variant.VariantType in _NUMERIC
    kind = aspace.read_attribute_value(node, ua.AttributeIds.DataType)
    return _plain(kind) in _NUMERIC_TYPES
