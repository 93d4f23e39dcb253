"""The methods of conditions that clients call (Part 9, 5.5.4 to 5.5.6, 5.7.3, 5.7.4, 5.8.17).

Instances share the methods of their types: a client calls the type's MethodId, or what it finds
below the instance, which is the same, with the condition or its ShelvingState as the object.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from asyncua import ua
from asyncua.server.address_space import AddressSpace

from opcua_ai.server.asyncua_mends.services import InternalServer
from opcua_ai.server.conditions.alarm import Alarm
from opcua_ai.server.security.caller import caller
from opcua_ai.server.values import VT, code, node_id

Action = Callable[..., None]
Operate = Callable[[ua.NodeId, Callable[[Alarm], None]], Awaitable[int]]
_Ids = ua.ObjectIds
_EVENT = (VT.ByteString, VT.LocalizedText)
_HAS_COMPONENT = node_id(_Ids.HasComponent)


def _with_remark(action: Action) -> Action:
    def act(alarm: Alarm, event_id: bytes | None, comment: ua.LocalizedText | None) -> None:
        who = caller()
        action(alarm, event_id, comment or ua.LocalizedText(), who.user if who else "")

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
_OF_SHELVING: dict[int, tuple[Sequence[VT], Action]] = {
    _Ids.ShelvedStateMachineType_TimedShelve: _TIMED,
    _Ids.ShelvedStateMachineType_OneShotShelve: _ONCE,
    _Ids.ShelvedStateMachineType_Unshelve: _UNSHELVE,
}
_OF_DECLARATIONS: dict[int, tuple[Sequence[VT], Action]] = {
    _Ids.AlarmConditionType_ShelvingState_TimedShelve: _TIMED,
    _Ids.AlarmConditionType_ShelvingState_OneShotShelve: _ONCE,
    _Ids.AlarmConditionType_ShelvingState_Unshelve: _UNSHELVE,
}


def offer(services: InternalServer, operate: Operate) -> None:
    """Let clients call the methods."""
    for method, (kinds, action) in (_OF_CONDITIONS | _OF_SHELVING | _OF_DECLARATIONS).items():
        services.isession.add_method_callback(node_id(method), _callback(kinds, action, operate))


def share(aspace: AddressSpace, nodes: Mapping[str, ua.NodeId]) -> None:
    """Let a condition and its ShelvingState have the methods of their types (Part 3, 4.6)."""
    for path, offered in (("", _OF_CONDITIONS), ("ShelvingState", _OF_SHELVING)):
        references = aspace[nodes[path]].references
        known = {reference.NodeId for reference in references}
        for method in map(node_id, offered):
            if method not in known:
                references.append(_component(aspace, method))


def _component(aspace: AddressSpace, method: ua.NodeId) -> ua.ReferenceDescription:
    def attribute(which: ua.AttributeIds) -> Any:
        value = aspace.read_attribute_value(method, which).Value
        return value.Value if value is not None else None

    return ua.ReferenceDescription(
        ReferenceTypeId=_HAS_COMPONENT,
        IsForward=True,
        NodeId=method,  # type: ignore[arg-type]
        BrowseName=attribute(ua.AttributeIds.BrowseName),
        DisplayName=attribute(ua.AttributeIds.DisplayName),
        NodeClass=ua.NodeClass.Method,
    )


def _callback(kinds: Sequence[VT], action: Action, operate: Operate) -> Callable[..., Any]:
    async def call(target: ua.NodeId, *arguments: ua.Variant) -> ua.CallMethodResult:
        wrong = _check(kinds, arguments)
        if wrong is not None:
            return wrong
        values = [argument.Value for argument in arguments]
        status = await operate(target, lambda alarm: action(alarm, *values))
        return ua.CallMethodResult(StatusCode=code(status))

    return call


def _check(kinds: Sequence[VT], arguments: Sequence[ua.Variant]) -> ua.CallMethodResult | None:
    """Number and types of the arguments (Part 4, 5.12.2); None when they are right. An event id or
    a comment may be null."""
    if len(arguments) != len(kinds):
        missing = len(arguments) < len(kinds)
        status = (
            ua.StatusCodes.BadArgumentsMissing if missing else ua.StatusCodes.BadTooManyArguments
        )
        return ua.CallMethodResult(StatusCode=code(status))
    results = [
        code(ua.StatusCodes.Good if _fits(kind, argument) else ua.StatusCodes.BadTypeMismatch)
        for kind, argument in zip(kinds, arguments, strict=True)
    ]
    if all(result.is_good() for result in results):
        return None
    return ua.CallMethodResult(
        StatusCode=code(ua.StatusCodes.BadInvalidArgument), InputArgumentResults=results
    )


def _fits(kind: VT, argument: ua.Variant) -> bool:
    if argument.VariantType == VT.Null:
        return kind != VT.Double
    return argument.VariantType == kind and not argument.is_array
