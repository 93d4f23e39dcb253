"""Chunks, node ids, decoding, back-off: what the OPC UA source is made of."""

from __future__ import annotations

import asyncio
import logging
import math

import numpy as np
import pytest
from asyncua import ua

from opcua_ai.core import status
from opcua_ai.core.errors import AccessError, ConfigError
from opcua_ai.core.types import Tag, from_datetime
from opcua_ai.sources import _decode, _nodeid
from opcua_ai.sources._chunks import Chunks
from opcua_ai.sources._outage import Outage
from opcua_ai.sources._session import Link
from opcua_ai.sources._stream import Stream
from opcua_ai.sources.opcua import EXAMPLE, Options, Source

URIS = ["http://opcfoundation.org/UA/", "urn:a", "urn:b;c%"]


async def test_chunks_keep_the_limit_and_the_order():
    sizes = []

    async def call(part):
        sizes.append(len(part))
        return [x * 2 for x in part]

    assert await Chunks("x", 10, 100, {}).gather(list(range(25)), call) == [
        x * 2 for x in range(25)
    ]
    assert sizes == [10, 10, 5]


async def test_chunks_shrink_when_refused_and_remember_it():
    learned: dict[str, int] = {}

    async def call(part):
        if len(part) > 20:
            raise ua.UaStatusCodeError(ua.StatusCodes.BadTooManyOperations)
        return part

    assert await Chunks("x", 0, 100, learned).gather(list(range(55)), call) == list(range(55))
    assert Chunks("x", 0, 100, learned).size == learned["x"] == 13


async def test_chunks_let_other_errors_out():
    async def call(part):
        raise ua.UaStatusCodeError(ua.StatusCodes.BadSessionIdInvalid)

    with pytest.raises(ua.UaStatusCodeError):
        await Chunks("x", 0, 100, {}).gather([1, 2], call)


@pytest.mark.parametrize(
    "node_id",
    [
        ua.NodeId("Reactor;Level=1", 2),
        ua.NodeId(70000, 1),
        ua.NodeId(5, 1),
        ua.NodeId(b"\x00\xff", 2, ua.NodeIdType.ByteString),
        ua.NodeId(2258, 0),
    ],
)
def test_node_ids_survive_as_text_when_namespaces_move(node_id):
    text = _nodeid.to_text(node_id, URIS)
    moved = [URIS[0], "urn:new", URIS[2], URIS[1]]
    back = _nodeid.from_text(text, moved)
    assert back.Identifier == node_id.Identifier
    assert moved[back.NamespaceIndex] == URIS[node_id.NamespaceIndex]
    ua.ua_binary.nodeid_to_binary(back)  # its type fits its index


def test_node_id_of_an_unknown_namespace_or_without_sense():
    assert _nodeid.from_text("nsu=urn:gone;s=x", URIS) is None
    with pytest.raises(ValueError, match="no node id"):
        _nodeid.from_text("nsu=urn:a;what", URIS)


def test_every_kind_of_value_becomes_a_number_with_its_status():
    moment = ua.datetime(2024, 1, 1, tzinfo=ua.timezone.utc)
    bad = ua.StatusCode(ua.StatusCodes.BadSensorFailure)
    values = [
        ua.DataValue(ua.Variant(1.5), SourceTimestamp=moment),
        ua.DataValue(ua.Variant(True), ServerTimestamp=moment),
        ua.DataValue(ua.Variant(3, ua.VariantType.Byte)),
        ua.DataValue(ua.Variant("text"), SourceTimestamp=moment),
        ua.DataValue(ua.Variant([1.0])),
        ua.DataValue(ua.Variant(None), bad),
    ]
    block = _decode.block(range(6), values)
    assert block.value[:3].tolist() == [1.5, 1.0, 3.0]
    assert np.isnan(block.value[3:]).all()
    mismatch = status.BAD_TYPE_MISMATCH
    assert block.status.tolist() == [0, 0, 0, mismatch, mismatch, ua.StatusCodes.BadSensorFailure]
    assert block.time[0] == block.time[1] == from_datetime(moment)
    assert block.time[2] > from_datetime(moment)


def test_an_outage_is_said_once_each_way_and_waits_longer_each_time(caplog):
    caplog.set_level(logging.INFO)
    outage = Outage("plant", 1.0, 8.0)
    assert outage.lost("cable") and not outage.lost("still") and not outage.lost("still")
    delays = [outage.delay() for _ in range(6)]
    assert outage.over() and not outage.over()
    assert len(caplog.records) == 2
    assert all(0.8 * d <= x <= 1.2 * d for d, x in zip([1, 2, 4, 8, 8, 8], delays, strict=True))


def test_a_new_reason_to_act_is_said_in_the_middle_of_an_outage(caplog):
    outage = Outage("plant", 1.0, 8.0)
    outage.lost("cable")
    outage.lost("wrong password", act=True)
    outage.lost("wrong password", act=True)
    assert len(caplog.records) == 2


@pytest.mark.parametrize(
    "wrong",
    [
        {"endpoint": "http://x"},
        {"endpoint": "opc.tcp://user:secret@host:4840"},
        {"queue_size": 1},
        {"password_env": "X"},
        {"password": "secret"},
        {"reconnect_min_s": 60},
        {"security": {"policy": "Basic256Sha256"}},
    ],
)
def test_options_refuse_what_makes_no_sense(wrong):
    table = {"kind": "opcua", "endpoint": "opc.tcp://h:1", **wrong}
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Options.model_validate(table)


def test_patterns_match_whole_paths():
    options = Options(endpoint="opc.tcp://h:1", include=["Line*/Level", "A[1]"], exclude=["*2*"])
    assert options.selects("Line1/Deep/Level")
    assert options.selects("A[1]")  # literally, too
    assert not options.selects("Line2/Level")
    assert not options.selects("Level")
    assert math.isclose(options.timeout_s, 5)


async def test_a_folder_for_the_certificate_that_cannot_be_written(tmp_path):
    (tmp_path / "pki").write_text("a file, not a folder")
    security = {
        "policy": "Basic256Sha256",
        "certificate": tmp_path / "pki/own.der",
        "private_key": tmp_path / "pki/own.pem",
    }
    options = Options.model_validate({"endpoint": "opc.tcp://127.0.0.1:9/x", "security": security})
    with pytest.raises(AccessError, match="certificate or key cannot be made"):
        await Link.open(options, {})


async def test_a_password_file_that_vanishes_does_not_end_a_running_source(tmp_path, monkeypatch):
    """It may be missing for a moment while somebody replaces it."""
    source = Source(Options.model_validate(EXAMPLE | {"reconnect_min_s": 0.01}), "plant")
    source.tags = tags = [Tag("T", "nsu=urn:p;s=T")]
    source._stream = Stream("plant", tags, np.zeros(1, bool), source.options, source.stats)
    tries = []

    async def serve(_sink):
        tries.append(1)
        if len(tries) > 2:
            await asyncio.Event().wait()
        raise ConfigError("password_file: No such file or directory")

    monkeypatch.setattr(source, "_serve", serve)
    seen = []
    task = asyncio.create_task(source.run(seen.append))
    async with asyncio.timeout(5):
        while len(tries) < 3:
            await asyncio.sleep(0.01)
    assert not task.done()
    assert [int(s.status[0]) for s in seen] == [status.BAD_NO_COMMUNICATION]
    task.cancel()
