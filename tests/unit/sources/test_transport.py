"""The short way through the secure channel, beside asyncua's."""

from __future__ import annotations

import asyncio
import struct

import pytest
from asyncua import ua
from asyncua.common.connection import SecureConnection, TransportLimits
from asyncua.crypto.security_policies import SecurityPolicyNone
from asyncua.ua.ua_binary import struct_from_binary

from opcua_ai.sources import _transport
from opcua_ai.sources._transport import Channel, Transport


class Wire(asyncio.Transport):
    """What was written."""

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[bytes] = []
        self.closed = False

    def write(self, data: bytes) -> None:
        self.writes.append(data)

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def peer() -> SecureConnection:
    """The server's end of the channel, by asyncua."""
    return SecureConnection(SecurityPolicyNone(), TransportLimits(65535, 65535, 0, 0))


@pytest.fixture
async def transport(peer: SecureConnection) -> Transport:
    made = Transport(1.0, SecurityPolicyNone())
    made.connection_made(Wire())
    for end in (made._connection, peer):
        end.security_token.ChannelId, end.security_token.TokenId = 5, 13
    return made


def received(peer: SecureConnection, data: bytes) -> list[tuple[int, ua.PublishRequest]]:
    buffer = ua.utils.Buffer(data)
    requests = []
    while buffer:
        header = ua.ua_binary.header_from_binary(buffer)
        message = peer.receive_from_header_and_body(header, buffer)
        request = struct_from_binary(ua.PublishRequest, message.body())
        requests.append((message.request_id(), request))
    return requests


async def test_publish_requests_of_one_turn_leave_together_as_asyncua_reads_them(transport, peer):
    transport.authentication_token = ua.NodeId(b"secret", 1, ua.NodeIdType.ByteString)
    transport.publish([])
    transport.publish([(7, 1), (7, 2**32 - 1)])
    await asyncio.sleep(0)
    (written,) = transport.transport.writes
    (first, empty), (second, full) = received(peer, written)
    assert (first, second) == (1, 2)
    assert empty.Parameters.SubscriptionAcknowledgements == []
    assert [
        (a.SubscriptionId, a.SequenceNumber) for a in full.Parameters.SubscriptionAcknowledgements
    ] == [(7, 1), (7, 2**32 - 1)]
    assert full.RequestHeader.AuthenticationToken == transport.authentication_token
    assert full.RequestHeader.TimeoutHint == 0


@pytest.mark.parametrize("piece", [1, 7, 24, 100, 10_000])
@pytest.mark.parametrize("size", [1, 3, 5000, 200_000])
async def test_answers_in_any_pieces(transport, peer, piece, size):
    """Small ones in one chunk, the large one in four; cut anywhere by the network."""
    bodies = [bytes([number]) * size for number in range(1, 4)]
    futures = [transport.publish([]) for _ in bodies]
    data = b"".join(
        peer.message_to_binary(body, request_id=request)
        for request, body in enumerate(bodies, start=1)
    )
    step = max(piece, len(data) // 200)
    for start in range(0, len(data), step):
        transport.data_received(data[start : start + step])
    assert [bytes(future.result()) for future in futures] == bodies


async def test_a_chunk_out_of_order_closes_the_connection(transport, peer):
    transport.publish([])
    transport.data_received(peer.message_to_binary(b"one", request_id=1))
    peer._sequence_number += 1
    transport.data_received(peer.message_to_binary(b"two", request_id=2))
    assert transport.transport.closed


@pytest.mark.parametrize("size", [0, 7, 2**20, 2**32 - 1])
async def test_a_chunk_of_a_size_that_makes_no_sense_is_not_waited_for(transport, size):
    future = transport.publish([])
    transport.data_received(b"MSGF" + struct.pack("<I", size))
    assert transport.transport.closed
    with pytest.raises(ua.UaStatusCodeError, match="Tcp"):
        future.result()


async def test_a_message_without_end_is_given_up(transport, peer, monkeypatch):
    monkeypatch.setattr(_transport, "LARGEST", 100_000)
    future = transport.publish([])
    transport.data_received(peer.message_to_binary(bytes(200_000), request_id=1))
    assert transport.transport.closed
    with pytest.raises(ua.UaStatusCodeError, match="BadResponseTooLarge"):
        future.result()


async def test_a_lost_connection_fails_the_requests(transport):
    future = transport.publish([])
    transport.connection_lost(None)
    await asyncio.sleep(0)
    with pytest.raises(ConnectionError):
        future.result()
    with pytest.raises(ConnectionError):
        transport.publish([])


def test_sequence_numbers_of_the_channel_roll_over(peer):
    channel = Channel(SecurityPolicyNone(), TransportLimits(65535, 65535, 0, 0))
    channel._sequence_number = 2**32 - 2
    sequences = [struct.unpack_from("<I", channel.pack(b"x", 1), 16)[0] for _ in range(3)]
    assert sequences == [2**32 - 1, 1, 2]
