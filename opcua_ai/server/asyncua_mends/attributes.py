"""Read and Write (Part 4, 5.11): asyncua ignores IndexRange, TimestampsToReturn, DataEncoding."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime

from asyncua import ua
from asyncua.crypto.permission_rules import User, UserRole
from asyncua.server.address_space import AttributeService
from asyncua.ua import uaerrors

from opcua_ai.server.asyncua_mends.numeric_range import NumericRange
from opcua_ai.server.asyncua_mends.timestamps import stamped
from opcua_ai.server.values import code

_SERVER_ITSELF = User(role=UserRole.Admin)
_BINARY = "Default Binary"


class Attributes(AttributeService):
    """Reads and writes attributes, whole or in part."""

    def read(self, params: ua.ReadParameters) -> list[ua.DataValue]:
        now = datetime.now(UTC)
        wanted = params.TimestampsToReturn
        return [
            stamped(self.value(item), wanted, item.AttributeId, now) for item in params.NodesToRead
        ]

    def value(self, item: ua.ReadValueId) -> ua.DataValue:
        """One attribute, or the part of it in the item's range; Bad when there is none."""
        value = self._aspace.read_attribute_value(item.NodeId, item.AttributeId)
        if not item.IndexRange and not item.DataEncoding.Name:
            return value
        try:
            return part_of(value, NumericRange.parse(item.IndexRange), item)
        except uaerrors.UaStatusCodeError as error:
            return ua.DataValue(StatusCode=code(error.code))

    async def write(
        self, params: ua.WriteParameters, user: User = _SERVER_ITSELF
    ) -> list[ua.StatusCode]:
        """Each write in a range becomes a write of the whole; the others go on as they are."""
        results: list[ua.StatusCode] = []
        for item in params.NodesToWrite:
            try:
                whole = self._whole(item)
            except uaerrors.UaStatusCodeError as error:
                results.append(code(error.code))
                continue
            results += await super().write(ua.WriteParameters([whole]), user)
        return results

    def _whole(self, item: ua.WriteValue) -> ua.WriteValue:
        span = NumericRange.parse(item.IndexRange)
        if span is None:
            return item
        current = self._aspace.read_attribute_value(item.NodeId, item.AttributeId)
        if current.Value is None or item.Value.Value is None:
            raise uaerrors.BadIndexRangeNoData
        merged = span.write(current.Value, item.Value.Value)
        value = dataclasses.replace(item.Value, Value=merged)
        return dataclasses.replace(item, Value=value, IndexRange=None)


def part_of(value: ua.DataValue, span: NumericRange | None, item: ua.ReadValueId) -> ua.DataValue:
    """The part of a value that an item names.

    Raises BadIndexRangeNoData, BadDataEncodingInvalid or BadDataEncodingUnsupported.
    """
    variant = value.Value
    if item.DataEncoding.Name:
        structure = variant is not None and variant.VariantType == ua.VariantType.ExtensionObject
        if item.AttributeId != ua.AttributeIds.Value or not structure:
            raise uaerrors.BadDataEncodingInvalid
        if item.DataEncoding.Name != _BINARY:
            raise uaerrors.BadDataEncodingUnsupported
    if span is None or (value.StatusCode is not None and value.StatusCode.is_bad()):
        return value
    if variant is None:
        raise uaerrors.BadIndexRangeNoData
    return dataclasses.replace(value, Value=span.read(variant))
