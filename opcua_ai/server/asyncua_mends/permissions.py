"""A session that does what the role of its user allows, node by node (Part 3, 8.55).

asyncua enforces neither CurrentRead nor UserExecutable, knows no roles, and does not tell a method
who calls it.
"""
# ruff: noqa: SLF001

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import compress
from typing import TYPE_CHECKING, Any, TypeVar

from asyncua import ua
from asyncua.common.utils import create_nonce
from asyncua.server.internal_session import SessionState
from asyncua.ua import uaerrors

from opcua_ai.server.asyncua_mends.diagnostics import End
from opcua_ai.server.asyncua_mends.sessions import Session
from opcua_ai.server.security.caller import CURRENT, Caller
from opcua_ai.server.security.roles import Member, Permission, Role
from opcua_ai.server.values import code

if TYPE_CHECKING:
    from opcua_ai.server.asyncua_mends.services import InternalServer
    from opcua_ai.server.asyncua_mends.transport import Processor

T = TypeVar("T")
R = TypeVar("R")

_DENIED = ua.StatusCodes.BadUserAccessDenied
_READING = {
    ua.AttributeIds.Value: Permission.Read,
    ua.AttributeIds.RolePermissions: Permission.ReadRolePermissions,
}
"""Every other attribute needs Browse."""
_ENDS = {
    End.CLOSED: "session closed",
    End.TIMEOUT: "session timed out",
    End.TERMINATED: "session ended without being closed",
}
_ROLES = ua.AttributeIds.RolePermissions, ua.AttributeIds.UserRolePermissions


class PermittedSession(Session):
    """What a client may not do is refused operation by operation, the rest is done."""

    iserver: InternalServer
    channel: Processor | None = None
    """The connection that alone may use this session."""
    certificate: bytes | None = None
    """Of the client, as its channel proved it."""
    _client = ""

    def bind(self, channel: Any, certificate: bytes | None) -> None:
        self.channel, self.certificate, self._client = channel, certificate, channel.host

    def is_closed(self) -> bool:
        return self.state is SessionState.Closed

    def activate(self, user: Member) -> bytes:
        """The user has proved who it is; returns the nonce for the next time."""
        self.user = user
        self.nonce = create_nonce(32)
        self.state = SessionState.Activated
        self.touch()
        self._start_timeout_watchdog()
        return self.nonce

    def _ends(self, end: End) -> None:
        super()._ends(end)
        self.iserver.gatekeeper.auditor.record(
            ua.ObjectIds.AuditSessionEventType,
            _ENDS[end],
            source=end,
            user=self.user.name or "",
            client=self._client,
            session=self.session_id,
        )

    def may(self, node: ua.NodeId, permission: Permission) -> bool:
        return self.iserver.gatekeeper.rules.allowed(self.user, node, permission)

    async def read(self, params: ua.ReadParameters) -> list[ua.DataValue]:
        def permitted(item: ua.ReadValueId) -> bool:
            return self.may(item.NodeId, _READING.get(item.AttributeId, Permission.Browse))

        async def read(items: list[ua.ReadValueId]) -> list[ua.DataValue]:
            params.NodesToRead = items  # type: ignore[misc]
            return await super(PermittedSession, self).read(params)

        wanted = list(params.NodesToRead)
        results = await _split(wanted, permitted, read, lambda _: _no_value(_DENIED))
        return [self._as_seen(item, value) for item, value in zip(wanted, results, strict=True)]

    def _as_seen(self, item: ua.ReadValueId, value: ua.DataValue) -> ua.DataValue:
        """The attributes whose value depends on the user (Part 3, 5.2.9, 5.2.10 and 5.7)."""
        if item.AttributeId == ua.AttributeIds.UserExecutable and value.Value is not None:
            may = bool(value.Value.Value) and self.may(item.NodeId, Permission.Call)
            return ua.DataValue(ua.Variant(may, ua.VariantType.Boolean))
        if item.AttributeId not in _ROLES or item.NodeId not in self.aspace:
            return value
        if value.StatusCode is not None and value.StatusCode.value == _DENIED:
            return value
        everybody = item.AttributeId == ua.AttributeIds.RolePermissions
        limit = Role.ConfigureAdmin if everybody else self._rank
        found = self.iserver.gatekeeper.rules.role_permissions(item.NodeId, limit)
        return ua.DataValue(ua.Variant(found, ua.VariantType.ExtensionObject, is_array=True))

    @property
    def _rank(self) -> Role:
        return self.user.rank if isinstance(self.user, Member) else Role.Observer

    async def write(self, params: ua.WriteParameters) -> list[ua.StatusCode]:
        async def write(items: list[ua.WriteValue]) -> list[ua.StatusCode]:
            params.NodesToWrite = items  # type: ignore[misc]
            return await super(PermittedSession, self).write(params)

        wanted = list(params.NodesToWrite)
        results = await _split(
            wanted, lambda i: self.may(i.NodeId, _writing(i)), write, lambda _: code(_DENIED)
        )
        for item, status in zip(wanted, results, strict=True):
            self._audit(ua.ObjectIds.AuditWriteUpdateEventType, f"write {item.NodeId}", status)
        return results

    async def call(self, params: list[ua.CallMethodRequest]) -> list[ua.CallMethodResult]:
        """Both the object and the method must allow it (Part 4, 5.12.2)."""

        def permitted(method: ua.CallMethodRequest) -> bool:
            browsable = self.may(method.ObjectId, Permission.Browse)
            return browsable and self.may(method.MethodId, Permission.Call)

        wanted = list(params)
        caller = Caller(self.user.name or "", self._rank, self.session_id, self._client)
        token = CURRENT.set(caller)
        try:
            results = await _split(
                wanted,
                permitted,
                super().call,
                lambda _: ua.CallMethodResult(StatusCode=code(_DENIED)),
            )
        finally:
            CURRENT.reset(token)
        for method, result in zip(wanted, results, strict=True):
            text = f"call {method.MethodId} of {method.ObjectId}"
            self._audit(ua.ObjectIds.AuditUpdateMethodEventType, text, result.StatusCode)
        return results

    async def history_read(self, params: ua.HistoryReadParameters) -> list[ua.HistoryReadResult]:
        wanted = list(params.NodesToRead)
        allowed = [self.may(item.NodeId, Permission.ReadHistory) for item in wanted]
        params.NodesToRead = list(compress(wanted, allowed))  # type: ignore[misc]
        details = params.HistoryReadDetails
        if isinstance(details, ua.ReadProcessedDetails) and not params.ReleaseContinuationPoints:
            # one aggregate for each node (Part 11, 6.5.4.2): those of refused nodes go too
            kinds = details.AggregateType or []
            if len(kinds) != len(wanted):
                raise uaerrors.BadAggregateListMismatch
            details.AggregateType = list(compress(kinds, allowed))  # type: ignore[misc]
        done = iter(await super().history_read(params) if params.NodesToRead or not wanted else ())
        denied = ua.HistoryReadResult(StatusCode=code(_DENIED))
        return [next(done) if may else denied for may in allowed]

    async def create_monitored_items(
        self, params: ua.CreateMonitoredItemsParameters
    ) -> list[ua.MonitoredItemCreateResult]:
        def permitted(item: ua.MonitoredItemCreateRequest) -> bool:
            watched = item.ItemToMonitor
            events = watched.AttributeId == ua.AttributeIds.EventNotifier
            usual = _READING.get(watched.AttributeId, Permission.Browse)
            return self.may(watched.NodeId, Permission.ReceiveEvents if events else usual)

        async def create(
            items: list[ua.MonitoredItemCreateRequest],
        ) -> list[ua.MonitoredItemCreateResult]:
            room = self._room_for_items()
            params.ItemsToCreate = items[:room]  # type: ignore[misc]
            made = []
            if params.ItemsToCreate or not items:
                made = await super(PermittedSession, self).create_monitored_items(params)
            full = ua.StatusCodes.BadTooManyMonitoredItems
            return made + [_no_item(full) for _ in items[room:]]

        return await _split(
            list(params.ItemsToCreate), permitted, create, lambda _: _no_item(_DENIED)
        )

    def _room_for_items(self) -> int:
        """How many more items the server takes, all sessions together."""
        taken = sum(
            len(subscription.monitored_item_srv._monitored_items)
            for subscription in self.subscription_service.subscriptions.values()
        )
        return max(0, self.iserver.gatekeeper.settings.max_monitored_items - taken)

    async def browse(self, params: ua.BrowseParameters) -> list[ua.BrowseResult]:
        async def browse(items: list[ua.BrowseDescription]) -> list[ua.BrowseResult]:
            params.NodesToBrowse = items  # type: ignore[misc]
            return await super(PermittedSession, self).browse(params)

        results = await _split(
            list(params.NodesToBrowse),
            lambda item: self.may(item.NodeId, Permission.Browse),
            browse,
            lambda _: ua.BrowseResult(StatusCode=code(_DENIED)),
        )
        return [self._visible(result) for result in results]

    async def browse_next(self, parameters: ua.BrowseNextParameters) -> list[ua.BrowseResult]:
        return [self._visible(result) for result in await super().browse_next(parameters)]

    def _visible(self, result: ua.BrowseResult) -> ua.BrowseResult:
        shown = [r for r in result.References if self.may(r.NodeId, Permission.Browse)]
        result.References = shown  # type: ignore[misc]
        return result

    async def translate_browsepaths_to_nodeids(
        self, params: list[ua.BrowsePath]
    ) -> list[ua.BrowsePathResult]:
        async def translate(paths: list[ua.BrowsePath]) -> list[ua.BrowsePathResult]:
            return await super(PermittedSession, self).translate_browsepaths_to_nodeids(paths)

        results = await _split(
            params,
            lambda path: self.may(path.StartingNode, Permission.Browse),
            translate,
            lambda _: ua.BrowsePathResult(StatusCode=code(_DENIED)),
        )
        for result in results:
            if not all(self.may(t.TargetId, Permission.Browse) for t in result.Targets):
                result.Targets = []  # type: ignore[misc]
                result.StatusCode = code(ua.StatusCodes.BadNoMatch)
        return results

    def _audit(self, event_type: int, text: str, status: ua.StatusCode | None) -> None:
        good = status is None or status.is_good()
        if status is not None and not good:
            text = f"{text}: {status.name}"
        self.iserver.gatekeeper.auditor.record(
            event_type, text, good=good, user=self.user.name or "", client=self._client
        )


def _writing(item: ua.WriteValue) -> Permission:
    value = item.AttributeId == ua.AttributeIds.Value
    return Permission.Write if value else Permission.WriteAttribute


def _no_value(status: int) -> ua.DataValue:
    return ua.DataValue(StatusCode=code(status))


def _no_item(status: int) -> ua.MonitoredItemCreateResult:
    return ua.MonitoredItemCreateResult(StatusCode=code(status))


async def _split(
    items: Sequence[T],
    permitted: Callable[[T], bool],
    run: Callable[[list[T]], Any],
    refused: Callable[[T], R],
) -> list[R]:
    """Run the permitted operations in one go; results stand in the order of ``items``."""
    allowed = [permitted(item) for item in items]
    if all(allowed):
        return list(await run(list(items)))
    chosen = [item for item, may in zip(items, allowed, strict=True) if may]
    done: Iterable[R] = iter(await run(chosen) if chosen else ())
    return [next(done) if may else refused(i) for i, may in zip(items, allowed, strict=True)]  # type: ignore[call-overload]
