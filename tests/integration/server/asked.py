"""What a client asks of a server, ours or another, service by service."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from asyncua import Client, ua
from asyncua.ua.uaerrors import UaError, UaStatusCodeError


@asynccontextmanager
async def connected(endpoint: str) -> AsyncIterator[Any]:
    async with Client(endpoint, timeout=10) as client:
        yield client.uaclient.session


async def outcome(session: Any, request: Any) -> int:
    """The status of a whole service call."""
    try:
        await session._send_request(request)
    except UaStatusCodeError as error:
        return error.code
    return ua.StatusCodes.Good


async def answer(session: Any, request: Any, kind: Any) -> Any:
    return ua.ua_binary.struct_from_binary(kind, await session._send_request(request))


@asynccontextmanager
async def subscribed(endpoint: str) -> AsyncIterator[tuple[Any, int]]:
    async with Client(endpoint, timeout=10) as client:
        subscription = await client.create_subscription(50, _Deaf())
        yield client.uaclient.session, subscription.subscription_id
        try:
            await subscription.delete()
        except UaError:  # plain asyncua: another session may have taken it
            pass


class _Deaf:
    def datachange_notification(self, *_: object) -> None: ...
    def status_change_notification(self, *_: object) -> None: ...
