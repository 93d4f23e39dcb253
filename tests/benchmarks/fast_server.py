"""A server with many changing Doubles that costs next to nothing.

``python -m tests.benchmarks.fast_server PORT COUNT HZ BLOCK``: asyncua's server, whose
subscriptions report every item at each tick, in messages of BLOCK items that numpy has encoded. The
value is the number of the tick, so that a client sees what it has lost. Prints ``Ready`` and one
NodeId a line; runs until it is killed.
"""

from __future__ import annotations

import asyncio
import struct
import sys
import time
from collections import deque

import numpy as np
from asyncua import Server, ua
from asyncua.server import subscription_service
from asyncua.server.internal_subscription import InternalSubscription

ITEM = np.dtype([
    ("handle", "<u4"), ("mask", "u1"), ("kind", "u1"), ("value", "<f8"), ("source", "<i8"),
    ("server", "<i8"),
])  # fmt: skip
EPOCH = 116_444_736_000_000_000
WAITING = 1000
"""Messages kept for a slow client; then the oldest are lost."""


class FastSubscription(InternalSubscription):
    """Reports every item at each tick, whatever its node's value is."""

    hz = 10.0
    block = 1000

    def __init__(self, *arguments, **options) -> None:
        super().__init__(*arguments, **options)
        self._waiting: deque[np.ndarray] = deque(maxlen=WAITING)
        self._items = np.empty(0, ITEM)
        self._began = time.monotonic()
        self._ticks = 0

    async def publish_results(self, requestdata=None) -> bool:
        """Called once in each publishing interval, and with each request that was waited for; says
        whether it was used."""
        used = False
        if requestdata is None:
            self._tick()
        elif self._waiting:
            self._send(self._waiting.popleft(), requestdata)
            used = True
        while self._waiting:
            request = self.pub_request_callback(self.data.SubscriptionId)
            if request is None:
                break
            self._send(self._waiting.popleft(), request)
        return used

    def _tick(self) -> None:
        monitored = self.monitored_item_srv._monitored_items
        if len(monitored) != len(self._items):
            self._items = np.zeros(len(monitored), ITEM)
            self._items["handle"] = [item.client_handle for item in monitored.values()]
            self._items["mask"], self._items["kind"] = 0x0D, 11
        due = int((time.monotonic() - self._began) * self.hz)
        while self._ticks < due:
            self._ticks += 1
            self._items["value"] = self._ticks
            self._items["source"] = self._items["server"] = time.time_ns() // 100 + EPOCH
            for start in range(0, len(self._items), self.block):
                self._waiting.append(self._items[start : start + self.block].copy())

    def _send(self, items: np.ndarray, request) -> None:
        data = struct.pack("<i", len(items)) + items.tobytes() + struct.pack("<i", -1)
        now = time.time_ns() // 100 + EPOCH
        results = [code.value for code in request.results or []]
        handle = request.requesthdr.RequestHandle
        body = b"".join((
            b"\x01\x00", struct.pack("<HqIIBi3s", 829, now, handle, 0, 0, 0, b"\0\0\0"),
            struct.pack("<Ii?", self.data.SubscriptionId, 0, bool(self._waiting)),
            struct.pack("<Iqi", self._notification_seq, now, 1),
            b"\x01\x00", struct.pack("<HBi", 811, 1, len(data)), data,
            struct.pack(f"<i{len(results)}Ii", len(results), *results, -1),
        ))  # fmt: skip
        self._notification_seq += 1
        processor = self.pub_result_callback.__self__
        processor._transport.write(
            processor._connection.message_to_binary(body, request_id=request.seqhdr.RequestId)
        )


async def serve(port: int, count: int) -> None:
    subscription_service.InternalSubscription = FastSubscription
    server = Server()
    await server.init()
    server.set_endpoint(f"opc.tcp://127.0.0.1:{port}/")
    server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
    index = await server.register_namespace("urn:benchmark")
    values = await server.nodes.objects.add_folder(ua.NodeId("Values", index), f"{index}:Values")
    nodes = []
    for number in range(count):
        if number % 100 == 0:
            name = f"F{number // 100}"
            folder = await values.add_folder(ua.NodeId(name, index), f"{index}:{name}")
        name = f"v{number}"
        nodes.append(await folder.add_variable(ua.NodeId(name, index), f"{index}:{name}", 0.0))
    async with server:
        print("Ready", *(node.nodeid.to_string() for node in nodes), sep="\n", flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    at, count, FastSubscription.hz, FastSubscription.block = (
        int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4]),
    )  # fmt: skip
    asyncio.run(serve(at, count))
