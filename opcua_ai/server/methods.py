"""Methods that instances share with their type (Part 3, 4.6), and their arguments."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any

from asyncua import ua
from asyncua.server.address_space import AddressSpace

from opcua_ai.server.values import VT, code, node_id

Method = Callable[..., Awaitable[Any]]
_HAS_COMPONENT = node_id(ua.ObjectIds.HasComponent)


def share(aspace: AddressSpace, instance: ua.NodeId, methods: Iterable[ua.NodeId]) -> None:
    """Let an object have methods of its type; clients find them below it."""
    references = aspace[instance].references
    known = {reference.NodeId for reference in references}
    references += [_component(aspace, method) for method in methods if method not in known]


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


def checked(kinds: Sequence[VT], method: Method) -> Method:
    """The method, called only with the right number and types of arguments."""

    async def call(target: ua.NodeId, *arguments: ua.Variant) -> Any:
        return _check(kinds, arguments) or await method(target, *arguments)

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
