"""What a client may do with a predicted fault (Part 9), over real sockets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from asyncua import Client, ua

from opcua_ai.core.config import User
from opcua_ai.server.advisory import AdvisoryServer

pytestmark = pytest.mark.asyncio(loop_scope="session")

Ids = ua.ObjectIds
ACKNOWLEDGE = Ids.AcknowledgeableConditionType_Acknowledge
CONFIRM = Ids.AcknowledgeableConditionType_Confirm
ADD_COMMENT = Ids.ConditionType_AddComment
ENABLE, DISABLE = Ids.ConditionType_Enable, Ids.ConditionType_Disable
TIMED_SHELVE = Ids.ShelvedStateMachineType_TimedShelve
ONE_SHOT_SHELVE = Ids.ShelvedStateMachineType_OneShotShelve
UNSHELVE = Ids.ShelvedStateMachineType_Unshelve
TIMED_SHELVE_2 = Ids.ShelvedStateMachineType_TimedShelve2
ONE_SHOT_SHELVE_2 = Ids.ShelvedStateMachineType_OneShotShelve2
UNSHELVE_2 = Ids.ShelvedStateMachineType_Unshelve2


def event(event_id: bytes, comment: str | None = None) -> tuple[ua.Variant, ua.Variant]:
    """Arguments of Acknowledge, Confirm and AddComment."""
    return (
        ua.Variant(event_id, ua.VariantType.ByteString),
        ua.Variant(ua.LocalizedText(comment), ua.VariantType.LocalizedText),
    )


def comment(text: str | None) -> ua.Variant:
    return ua.Variant(ua.LocalizedText(text), ua.VariantType.LocalizedText)


def duration(milliseconds: float) -> ua.Variant:
    return ua.Variant(milliseconds, ua.VariantType.Double)


@pytest_asyncio.fixture(loop_scope="session")
async def events(hmi: Any, asset: Any) -> AsyncIterator[Any]:
    """The events of the test's asset."""
    seen = hmi.events()
    subscription = await seen.subscribe(hmi.node(asset.path))
    yield seen
    await subscription.delete()


def state(event: Any, name: str) -> bool:
    return getattr(event, f"{name}/Id")


async def test_acknowledge_and_confirm(asset: Any, hmi: Any, events: Any) -> None:
    await asset.say()
    came = await events.next()
    await asset.call(ACKNOWLEDGE, *event(came.EventId, "on my way"))
    acked = await events.next()
    assert acked.EventId != came.EventId
    assert (state(acked, "AckedState"), state(acked, "ConfirmedState")) == (True, False)
    assert acked.Comment.Text == "on my way"
    assert acked.Message == came.Message
    again = await asset.refused(ACKNOWLEDGE, *event(came.EventId))
    assert again == "BadConditionBranchAlreadyAcked"

    await asset.say(active=False)
    gone = await events.next()
    assert gone.Retain is True, "nobody has confirmed it"
    await asset.call(CONFIRM, *event(gone.EventId))
    confirmed = await events.next()
    assert (state(confirmed, "ConfirmedState"), confirmed.Retain) == (True, False)
    assert confirmed.Comment.Text == "on my way"
    again = await asset.refused(CONFIRM, *event(gone.EventId))
    assert again == "BadConditionBranchAlreadyConfirmed"
    for name, value in (("AckedState", True), ("ConfirmedState", True), ("ActiveState", False)):
        assert await hmi.value(f"{asset.condition}/{name}/Id") is value
    assert await hmi.value(f"{asset.condition}/EventId") == confirmed.EventId
    assert await events.none()


async def test_add_comment(asset: Any, events: Any) -> None:
    await asset.say()
    came = await events.next()
    await asset.call(ADD_COMMENT, *event(came.EventId, "looks real"))
    commented = await events.next()
    assert commented.Comment.Text == "looks real"
    assert getattr(commented, "Comment/SourceTimestamp") is not None
    assert state(commented, "AckedState") is False
    assert await asset.refused(ADD_COMMENT, *event(came.EventId)) == "BadInvalidArgument"


async def test_arguments_are_checked(asset: Any, events: Any) -> None:
    await asset.say()
    came = await events.next()
    for method in (ACKNOWLEDGE, CONFIRM, ADD_COMMENT):
        assert await asset.refused(method, *event(b"unknown")) == "BadEventIdUnknown"
        assert await asset.refused(method, *event(b"")) == "BadEventIdUnknown"
        assert await asset.refused(method) == "BadArgumentsMissing"
        assert await asset.refused(method, *event(b"") * 2) == "BadTooManyArguments"
        wrong = ua.Variant("text"), ua.Variant("text")
        assert await asset.refused(method, *wrong) == "BadInvalidArgument"
    assert await asset.refused(TIMED_SHELVE, ua.Variant()) == "BadInvalidArgument"
    assert await asset.refused(TIMED_SHELVE, duration(-1)) == "BadShelvingTimeOutOfRange"
    long = event(came.EventId, "x" * 5000)
    assert await asset.refused(ACKNOWLEDGE, *long) == "BadInvalidArgument"
    assert await events.none(), "a refused call changes nothing"


async def test_methods_belong_to_conditions_only(hmi: Any, asset: Any) -> None:
    for target in ("i=2881", asset.path, f"{asset.condition}/Message"):
        with pytest.raises(ua.UaStatusCodeError) as error:
            await hmi.node(target).call_method(ua.NodeId(ACKNOWLEDGE), *event(b"x"))
        assert type(error.value).__name__ in ("BadNodeIdInvalid", "BadMethodInvalid")


async def test_a_client_finds_the_methods_by_browsing(hmi: Any, asset: Any) -> None:
    names = {
        (await method.read_browse_name()).Name
        for path in ("", "/ShelvingState")
        for method in await hmi.node(f"{asset.condition}{path}").get_methods()
    }
    assert names >= {"Acknowledge", "Confirm", "AddComment", "Enable", "Disable"}
    assert names >= {"TimedShelve", "OneShotShelve", "Unshelve"}
    assert names >= {"TimedShelve2", "OneShotShelve2", "Unshelve2"}


async def test_disable_and_enable(asset: Any, hmi: Any, events: Any) -> None:
    assert await asset.refused(ENABLE) == "BadConditionAlreadyEnabled"
    await asset.call(DISABLE)
    disabled = await events.next()
    assert (state(disabled, "EnabledState"), disabled.Retain) == (False, False)
    assert await asset.refused(DISABLE) == "BadConditionAlreadyDisabled"
    await asset.say()
    assert await events.none(), "a disabled condition is silent"
    assert await asset.refused(ACKNOWLEDGE, *event(disabled.EventId)) == "BadConditionDisabled"
    await asset.call(ENABLE)
    enabled = await events.next()
    assert (state(enabled, "ActiveState"), enabled.Retain) == (True, True)
    await asset.call(ACKNOWLEDGE, *event(enabled.EventId))


async def test_timed_shelving(asset: Any, hmi: Any, events: Any) -> None:
    await asset.say()
    await events.next()
    await asset.call(TIMED_SHELVE, duration(1500), below="/ShelvingState")
    shelved = await events.next()
    assert shelved.SuppressedOrShelved is True
    assert getattr(shelved, "ShelvingState/CurrentState").Text == "Timed Shelved"
    left = await hmi.value(f"{asset.condition}/ShelvingState/UnshelveTime")
    await asyncio.sleep(0.1)
    later = await hmi.value(f"{asset.condition}/ShelvingState/UnshelveTime")
    assert 1500 >= left >= later + 90
    again = await asset.refused(TIMED_SHELVE, duration(1000))
    assert again == "BadConditionAlreadyShelved"
    back = await events.next()
    assert back.SuppressedOrShelved is False
    assert await hmi.value(f"{asset.condition}/ShelvingState/UnshelveTime") == 0
    unshelved = ua.NodeId(Ids.ShelvedStateMachineType_Unshelved)
    assert await hmi.value(f"{asset.condition}/ShelvingState/CurrentState/Id") == unshelved


async def test_one_shot_shelving_ends_with_the_alarm(asset: Any, events: Any) -> None:
    await asset.say()
    await events.next()
    await asset.call(ONE_SHOT_SHELVE)
    assert (await events.next()).SuppressedOrShelved is True
    assert await asset.refused(ONE_SHOT_SHELVE) == "BadConditionAlreadyShelved"
    await asset.say(active=False)
    gone = await events.next()
    assert (state(gone, "ActiveState"), gone.SuppressedOrShelved) == (False, False)


async def test_unshelve(asset: Any, hmi: Any, events: Any) -> None:
    assert await asset.refused(UNSHELVE) == "BadConditionNotShelved"
    await asset.call(TIMED_SHELVE, duration(60_000))
    assert (await events.next()).SuppressedOrShelved is True
    await asset.call(UNSHELVE, below="/ShelvingState")
    assert (await events.next()).SuppressedOrShelved is False
    limit = await hmi.value(f"{asset.condition}/MaxTimeShelved")
    assert limit == 8 * 3600 * 1000
    over = await asset.refused(TIMED_SHELVE, duration(limit + 1))
    assert over == "BadShelvingTimeOutOfRange"


async def test_shelving_with_a_comment(asset: Any, events: Any) -> None:
    for method, arguments, said in (
        (TIMED_SHELVE_2, (duration(60_000), comment("valve is being changed")), "valve"),
        (UNSHELVE_2, (comment("done"),), "done"),
        (ONE_SHOT_SHELVE_2, (comment("known"),), "known"),
        (UNSHELVE_2, (comment(None),), "known"),  # none given: the last one stays
    ):
        await asset.call(method, *arguments, below="/ShelvingState")
        told = await events.next()
        assert told.SuppressedOrShelved is (method != UNSHELVE_2)
        assert told.Comment.Text.startswith(said)


async def test_a_refused_shelving_leaves_no_comment(asset: Any, hmi: Any, events: Any) -> None:
    for method, arguments, status in (
        (UNSHELVE_2, (comment("x"),), "BadConditionNotShelved"),
        (TIMED_SHELVE_2, (duration(-1), comment("x")), "BadShelvingTimeOutOfRange"),
        (TIMED_SHELVE_2, (duration(1000), comment("x" * 5000)), "BadInvalidArgument"),
        (TIMED_SHELVE_2, (duration(1000),), "BadArgumentsMissing"),
        (ONE_SHOT_SHELVE_2, (), "BadArgumentsMissing"),
    ):
        assert await asset.refused(method, *arguments) == status
    assert await events.none()
    assert not (await hmi.value(f"{asset.condition}/Comment")).Text


async def test_the_methods_of_the_types_declaration_work_too(asset: Any, events: Any) -> None:
    await asset.call(Ids.AlarmConditionType_ShelvingState_OneShotShelve)
    assert (await events.next()).SuppressedOrShelved is True


async def test_nobody_refreshes_the_subscription_of_another(
    server: AdvisoryServer, hmi: Any, events: Any, asset: Any
) -> None:
    await asset.say()
    await events.next()
    ours = await hmi.client.create_subscription(50, events)
    async with Client(server.endpoint, timeout=10) as stranger:
        with pytest.raises(ua.UaStatusCodeError, match="BadUserAccessDenied"):
            await stranger.get_node(Ids.ConditionType).call_method(
                ua.NodeId(Ids.ConditionType_ConditionRefresh),
                ua.Variant(ours.subscription_id, ua.VariantType.UInt32),
            )
    assert await events.none()
    await ours.delete()


async def test_the_event_names_the_user(
    settings: Any, running: Any, encrypted: Any, look: Any, fault: Any, pki: Any
) -> None:
    users = {"anna": User(password_file=pki / "secret", role="Operator")}
    async with (
        running(settings(users=users)) as server,
        await encrypted(server, "anna", "right") as client,
    ):
        hmi = await look(client)
        seen = hmi.events()
        subscription = await seen.subscribe()
        await server.publish_decision("alarm", "FaultPrediction", fault)
        came = await seen.next()
        assert not came.ClientUserId
        condition = client.get_node(came.NodeId)
        await condition.call_method(ua.NodeId(ACKNOWLEDGE), *event(came.EventId, "seen"))
        assert (await seen.next()).ClientUserId == "anna"
        await condition.call_method(ua.NodeId(ONE_SHOT_SHELVE_2), comment("known"))
        assert (await seen.next()).ClientUserId == "anna"
        await subscription.delete()
