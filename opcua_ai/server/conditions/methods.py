"""The methods of conditions that clients call (Part 9, 5.5.4 to 5.5.6, 5.7.3, 5.7.4, 5.8.17).

Instances share the methods of their types: a client calls the type's MethodId, or what it finds
below the instance, which is the same, with the condition or its ShelvingState as the object.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from asyncua import ua
from asyncua.server.address_space import AddressSpace

from opcua_ai.server import methods
from opcua_ai.server.asyncua_mends.services import InternalServer
from opcua_ai.server.conditions.alarm import Alarm
from opcua_ai.server.security.caller import caller
from opcua_ai.server.values import VT, code, node_id

Action = Callable[..., None]
Operate = Callable[[ua.NodeId, Callable[[Alarm], None]], Awaitable[int]]
_Ids = ua.ObjectIds
_EVENT = (VT.ByteString, VT.LocalizedText)


def _with_remark(action: Action) -> Action:
    def act(alarm: Alarm, event_id: bytes | None, comment: ua.LocalizedText | None) -> None:
        who = caller()
        action(alarm, event_id, comment or ua.LocalizedText(), who.user if who else "")

    return act


def _commented(action: Action) -> Action:
    """The same with a comment as the last argument (Part 9, 5.8.17.3, 5.8.17.5 and 5.8.17.7), which
    is kept only when the action is done."""

    def act(alarm: Alarm, *arguments: Any) -> None:
        *others, comment = arguments
        comment, who = comment or ua.LocalizedText(), caller()
        alarm.check_comment(comment)
        action(alarm, *others)
        alarm.remark(comment, who.user if who else "")

    return act


def _enable(alarm: Alarm) -> None:
    alarm.enable(True)


def _disable(alarm: Alarm) -> None:
    alarm.enable(False)


_OF_CONDITIONS: dict[int, tuple[Sequence[VT], Action]] = {
    _Ids.ConditionType_Enable: ((), _enable),
    _Ids.ConditionType_Disable: ((), _disable),
    _Ids.ConditionType_AddComment: (_EVENT, _with_remark(Alarm.add_comment)),
    _Ids.AcknowledgeableConditionType_Acknowledge: (_EVENT, _with_remark(Alarm.acknowledge)),
    _Ids.AcknowledgeableConditionType_Confirm: (_EVENT, _with_remark(Alarm.confirm)),
}
_TIMED, _ONCE, _UNSHELVE = (
    ((VT.Double,), Alarm.shelve_timed),
    ((), Alarm.shelve_once),
    ((), Alarm.unshelve),
)
_TIMED_2, _ONCE_2, _UNSHELVE_2 = (
    ((*kinds, VT.LocalizedText), _commented(action)) for kinds, action in (_TIMED, _ONCE, _UNSHELVE)
)
_OF_SHELVING: dict[int, tuple[Sequence[VT], Action]] = {
    _Ids.ShelvedStateMachineType_TimedShelve: _TIMED,
    _Ids.ShelvedStateMachineType_TimedShelve2: _TIMED_2,
    _Ids.ShelvedStateMachineType_OneShotShelve: _ONCE,
    _Ids.ShelvedStateMachineType_OneShotShelve2: _ONCE_2,
    _Ids.ShelvedStateMachineType_Unshelve: _UNSHELVE,
    _Ids.ShelvedStateMachineType_Unshelve2: _UNSHELVE_2,
}
_OF_DECLARATIONS: dict[int, tuple[Sequence[VT], Action]] = {
    _Ids.AlarmConditionType_ShelvingState_TimedShelve: _TIMED,
    _Ids.AlarmConditionType_ShelvingState_OneShotShelve: _ONCE,
    _Ids.AlarmConditionType_ShelvingState_Unshelve: _UNSHELVE,
}


def offer(services: InternalServer, operate: Operate) -> None:
    """Let clients call the methods."""
    for method, (kinds, action) in (_OF_CONDITIONS | _OF_SHELVING | _OF_DECLARATIONS).items():
        call = methods.checked(kinds, _callback(action, operate))
        services.isession.add_method_callback(node_id(method), call)


def share(aspace: AddressSpace, nodes: Mapping[str, ua.NodeId]) -> None:
    """Let a condition and its ShelvingState have the methods of their types."""
    for path, offered in (("", _OF_CONDITIONS), ("ShelvingState", _OF_SHELVING)):
        methods.share(aspace, nodes[path], map(node_id, offered))


def _callback(action: Action, operate: Operate) -> methods.Method:
    async def call(target: ua.NodeId, *arguments: ua.Variant) -> ua.CallMethodResult:
        values = [argument.Value for argument in arguments]
        status = await operate(target, lambda alarm: action(alarm, *values))
        return ua.CallMethodResult(StatusCode=code(status))

    return call
