"""Servers that give less than they are asked for, and servers that stand in for each other."""

import asyncio
from types import SimpleNamespace

import pytest
from asyncua import ua
from asyncua.common.utils import Buffer
from asyncua.ua.ua_binary import struct_to_binary

from opcua_ai.core.errors import AccessError, SourceLostError
from opcua_ai.core.ports import SourceStats
from opcua_ai.core.types import NS, to_datetime
from opcua_ai.sources._chunks import Chunks
from opcua_ai.sources._failover import choose, order
from opcua_ai.sources._poll import Polling
from opcua_ai.sources._revised import Revised
from opcua_ai.sources._subscription import queue_size
from opcua_ai.sources.opcua import Options

SENT = 1_700_000_000 * NS


def options(**table) -> Options:
    return Options.model_validate({"endpoint": "opc.tcp://h:1", **table})


@pytest.mark.parametrize(
    ("table", "size"),
    [
        ({}, 241),
        ({"outage_s": 10, "sampling_interval_ms": 100}, 101),
        ({"outage_s": 10, "sampling_interval_ms": 0, "publishing_interval_ms": 500}, 21),
        ({"outage_s": 1, "sampling_interval_ms": 60_000}, 2),
        ({"outage_s": 86_400}, 10_000),
        ({"queue_size": 7}, 7),
    ],
)
def test_a_queue_holds_the_values_of_an_outage(table, size):
    assert queue_size(options(**table)) == size


def made(publishing_ms: float = 250, lifetime: int = 240) -> ua.CreateSubscriptionResult:
    return ua.CreateSubscriptionResult(
        RevisedPublishingInterval=publishing_ms, RevisedLifetimeCount=lifetime
    )


def item(sampling_ms: float, queue: int) -> ua.MonitoredItemCreateResult:
    return ua.MonitoredItemCreateResult(RevisedSamplingInterval=sampling_ms, RevisedQueueSize=queue)


def test_what_is_as_asked_for_is_no_shortfall():
    revised = Revised(options(), made(), 60)
    revised.item(item(250, 241))
    assert revised.shortfalls() == []


def test_each_shortfall_is_said_in_words():
    revised = Revised(options(), made(500, 20), 30)
    for sampling_ms, queue in ((250, 241), (250, 40), (1000, 10), (1000, 60)):
        revised.item(item(sampling_ms, queue))
    assert revised.shortfalls() == [
        "the subscription lives for 10 s",
        "the session lives for 30 s",
        "10 s of values are kept for 2 tags, or less if they change faster",
        "values come every 500 ms",
        "2 tags are sampled every 1000 ms",
    ]


class Servers:
    """Endpoints with their ServiceLevels, None for one that is gone."""

    def __init__(self, **levels) -> None:
        self._levels = levels
        self.asked: list[str] = []
        self.open: set[str] = set()

    async def connect(self, url: str):
        self.asked.append(url)
        level = self._levels[url]
        if isinstance(level, BaseException):
            raise level
        self.open.add(url)

        async def close(polite: bool = True) -> None:
            self.open.remove(url)

        return SimpleNamespace(endpoint=url, service_level=level, close=close)


GONE = SourceLostError("gone")


@pytest.mark.parametrize(
    ("levels", "chosen", "asked"),
    [
        ({"a": 255, "b": 255}, "a", ["a"]),
        ({"a": GONE, "b": 255, "c": 255}, "b", ["a", "b"]),
        ({"a": 100, "b": 199, "c": 50}, "b", ["a", "b", "c"]),
        ({"a": 100, "b": 200, "c": 255}, "b", ["a", "b"]),
        ({"a": 100, "b": GONE}, "a", ["a", "b"]),
    ],
)
async def test_the_first_healthy_server_is_chosen_else_the_best(levels, chosen, asked):
    servers = Servers(**levels)
    link = await choose([*levels], servers.connect)
    assert (link.endpoint, servers.asked) == (chosen, asked)
    assert servers.open == {chosen}


async def test_no_server_at_all():
    with pytest.raises(SourceLostError, match="^gone$"):
        await choose(["a"], Servers(a=GONE).connect)
    with pytest.raises(AccessError, match="no endpoint can be used: gone; refused"):
        await choose(["a", "b"], Servers(a=GONE, b=AccessError("refused")).connect)


async def test_a_cancelled_choice_leaves_nothing_open():
    servers = Servers(a=100, b=asyncio.CancelledError())
    with pytest.raises(asyncio.CancelledError):
        await choose(["a", "b"], servers.connect)
    assert servers.open == set()


def test_what_worked_last_is_tried_first():
    assert order(["a", "b", "c"], "") == ["a", "b", "c"]
    assert order(["a", "b", "c"], "b") == ["b", "a", "c"]


class Readable:
    """A link to values that change between two reads."""

    endpoint = "opc.tcp://h:1"

    def __init__(self, *rounds) -> None:
        self.read_chunks = Chunks("read", 2, 500, {})
        self.session = self
        self.sizes: list[int] = []
        self._rounds = [[*values] for values in rounds]

    async def read_raw(self, ids) -> Buffer:
        if not self._rounds:
            raise ConnectionError
        size = len(ids)
        self.sizes.append(size)
        now = self._rounds[0]
        values, now[:size] = now[:size], []
        if not now:
            self._rounds.pop(0)
        response = ua.ReadResponse()
        response.ResponseHeader.Timestamp = to_datetime(SENT)
        response.Results = [
            ua.DataValue(ua.Variant(value), ua.StatusCode(ua.UInt32(code)))
            for value, code in values
        ]
        return Buffer(struct_to_binary(response))


async def test_only_what_is_new_is_delivered_from_reads():
    link = Readable(
        [(1.0, 0), (2.0, 0), (float("nan"), 0)],
        [(1.0, 0), (3.0, 0), (float("nan"), 0)],
        [(1.0, 0x40000000), (3.0, 0), (float("nan"), 0)],
    )
    stats = SourceStats()
    polling = Polling(0, stats)
    polling.targets = {column: ua.NodeId(column, 1) for column in range(3)}
    rows: list[tuple[int, float, int]] = []
    times: list[int] = []
    rounds: list[bool] = []

    def deliver(samples, sent) -> None:
        times.append(sent)
        rounds.append(len(samples.column) == 0)
        rows.extend(
            zip(
                samples.column.tolist(),
                samples.value.tolist(),
                samples.status.tolist(),
                strict=True,
            )
        )

    with pytest.raises(SourceLostError, match="the connection was closed"):
        await polling.run(link, deliver)
    assert set(times) == {SENT}
    assert rounds == [False, False, True, False, True, False, True], "told at the end of each"
    assert stats.cpu_s > 0
    assert link.sizes == [2, 1] * 3
    assert rows[:2] == [(0, 1.0, 0), (1, 2.0, 0)]
    assert (rows[2][0], rows[2][2]) == (2, 0x80740000)
    assert rows[3:] == [(1, 3.0, 0), (0, 1.0, 0x40000000)]
