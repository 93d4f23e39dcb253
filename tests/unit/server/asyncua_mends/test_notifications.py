"""The encoder of Publish responses beside asyncua's."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import Any

import pytest
from asyncua import ua
from asyncua.common.utils import Buffer
from asyncua.ua.ua_binary import struct_from_binary, struct_to_binary

from opcua_ai.server.asyncua_mends.notifications import publish_response

VT = ua.VariantType
NOW = datetime(2026, 5, 1, 12, 30, 15, 250000, tzinfo=UTC)
GOOD, UNCERTAIN = ua.StatusCode(), ua.StatusCode(ua.StatusCodes.UncertainSubNormal)
VALUES = [
    ua.DataValue(ua.Variant(1.5, VT.Double), GOOD, NOW, NOW),
    ua.DataValue(ua.Variant(1.5, VT.Double), UNCERTAIN, NOW, NOW),
    ua.DataValue(ua.Variant(7, VT.UInt32), GOOD, NOW, NOW),
    ua.DataValue(ua.Variant(-7, VT.Int64), GOOD, None, NOW),
    ua.DataValue(ua.Variant(True, VT.Boolean), GOOD, NOW, NOW),
    ua.DataValue(ua.Variant(2.5, VT.Float), GOOD, NOW, None),
    ua.DataValue(ua.Variant("text", VT.String), GOOD, NOW, NOW),
    ua.DataValue(ua.Variant([1.0, 2.0], VT.Double), GOOD, NOW, NOW),
    ua.DataValue(ua.Variant([[1, 2], [3, 4]], VT.Int32), GOOD, NOW, NOW),
    ua.DataValue(ua.Variant(), ua.StatusCode(ua.StatusCodes.BadNoData), None, NOW),
]


def response(*data: Any) -> ua.PublishResponse:
    found: Any = ua.PublishResponse()
    found.Parameters.SubscriptionId = 5
    found.Parameters.AvailableSequenceNumbers = [3, 4]
    found.Parameters.MoreNotifications = False
    found.Parameters.Results = [GOOD, UNCERTAIN]
    found.Parameters.NotificationMessage = ua.NotificationMessage(4, NOW, list(data))
    return found


def changes(*values: ua.DataValue) -> ua.DataChangeNotification:
    items = [ua.MonitoredItemNotification(i, value) for i, value in enumerate(values)]
    return ua.DataChangeNotification(MonitoredItems=items)


def decoded(data: bytes) -> Any:
    return struct_from_binary(ua.PublishResponse, Buffer(data))


def test_says_the_same_as_asyncua() -> None:
    events = ua.EventNotificationList([ua.EventFieldList(1, [ua.Variant("e", VT.String)])])
    status = ua.StatusChangeNotification(Status=UNCERTAIN)
    for message in (response(changes(*VALUES), events), response(status), response()):
        ours, plain = decoded(publish_response(message)), decoded(struct_to_binary(message))
        assert ours.Parameters == plain.Parameters
        assert ours.ResponseHeader == plain.ResponseHeader
        assert ours.TypeId == plain.TypeId


def test_a_value_that_fits_no_type_spoils_no_other(caplog: pytest.LogCaptureFixture) -> None:
    broken = ua.DataValue(ua.Variant("no number", VT.Double), GOOD, NOW, NOW)
    lost = ua.DataValue(ua.Variant([object()], VT.String), GOOD, NOW, NOW)
    message = response(changes(VALUES[0], broken, lost, VALUES[2]))
    with caplog.at_level(logging.CRITICAL):
        items = decoded(publish_response(message)).Parameters.NotificationMessage
    first, second, third, fourth = items.NotificationData[0].MonitoredItems
    assert (first.Value, fourth.Value) == (VALUES[0], VALUES[2])
    for item in (second, third):
        assert item.Value.StatusCode.value == ua.StatusCodes.BadEncodingError
    with pytest.raises(ua.UaError):
        struct_to_binary(message)
