"""Requests of one connection.

asyncua refuses BrowseNext and SetTriggering, leaves the Publish requests of a closed session to the
next one, and encodes every data change the slow way.
"""
# ruff: noqa: SLF001

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from asyncua import ua
from asyncua.server.uaprocessor import UaProcessor
from asyncua.ua import uaerrors
from asyncua.ua.ua_binary import nodeid_from_binary, struct_from_binary

from opcua_ai.server.asyncua_mends.notifications import publish_response
from opcua_ai.server.asyncua_mends.operation_limits import Limit
from opcua_ai.server.asyncua_mends.transfer import transfer
from opcua_ai.server.values import code, node_id, node_ids

if TYPE_CHECKING:
    from opcua_ai.server.asyncua_mends.services import InternalServer
    from opcua_ai.server.asyncua_mends.session_services import SessionServices

_SESSION_SERVICES = node_ids(
    ua.ObjectIds.CreateSessionRequest_Encoding_DefaultBinary,
    ua.ObjectIds.ActivateSessionRequest_Encoding_DefaultBinary,
)
_SECURE_MESSAGE: Any = ua.MessageType.SecureMessage
_PUBLISH = node_id(ua.ObjectIds.PublishRequest_Encoding_DefaultBinary)
_CLOSE_SESSION = node_id(ua.ObjectIds.CloseSessionRequest_Encoding_DefaultBinary)


class Requests(UaProcessor):
    """Answers the services that asyncua's processor has not, or not right."""

    iserver: InternalServer  # type: ignore[assignment]
    session: SessionServices | None  # type: ignore[assignment]

    lost: bool
    """The connection has ended; Gate says so."""
    _service: ua.NodeId | None = None
    """Type of the request that is being answered, and its id."""
    _request_id: int | None = None

    async def process_message(self, seqhdr: Any, body: Any) -> Any:
        self._service, self._request_id = nodeid_from_binary(body.copy()), seqhdr.RequestId
        session = self.session
        going_on = await super().process_message(seqhdr, body)
        session = session or self.session
        if session is not None:
            session.diagnostics.requested(self._service)
        return going_on

    def send_response(
        self, requesthandle: Any, seqhdr: Any, response: Any, msgtype: Any = _SECURE_MESSAGE
    ) -> None:
        if isinstance(response, ua.ServiceFault):
            self._rejected(response.ResponseHeader.ServiceResult.value, seqhdr.RequestId)
        super().send_response(requesthandle, seqhdr, response, msgtype)

    def _rejected(self, status: int, request_id: int) -> None:
        # Only Publish requests are answered out of turn.
        service = self._service if request_id == self._request_id else _PUBLISH
        self.iserver.diagnostics.request_rejected(status)
        if service in _SESSION_SERVICES:
            self.iserver.diagnostics.session_rejected(status)
        if self.session is not None:
            self.session.diagnostics.rejected(service, status)

    async def _process_message(self, typeid: Any, requesthdr: Any, seqhdr: Any, body: Any) -> Any:
        answer = _OWN.get(typeid)
        if typeid == _PUBLISH and self.session is not None and self.session.notices:
            answer = _notice
        if answer is None:
            going_on = await super()._process_message(typeid, requesthdr, seqhdr, body)
        else:
            response = await answer(self, self._admitted(typeid, body), body)
            self.send_response(requesthdr.RequestHandle, seqhdr, response)
            going_on = True
        if typeid == _CLOSE_SESSION:
            self._refuse_publish_requests()
        return going_on

    def _admitted(self, typeid: ua.NodeId, body: Any) -> SessionServices:
        """The session, if this request may use it; as asyncua checks its own services."""
        session = self.session
        if session is None:
            raise uaerrors.BadSessionIdInvalid
        if not session.is_activated():
            raise uaerrors.BadSessionNotActivated
        permissions = self._connection.security_policy.permissions
        if permissions is not None and not permissions.check_validity(session.user, typeid, body):
            raise uaerrors.BadUserAccessDenied
        session.touch()
        return session

    def _refuse_publish_requests(self) -> None:
        """A closed session's Publish requests are answered, not kept for the next session."""
        self._publish_results_subs.clear()
        while self._publish_requests:
            request = self._publish_requests.popleft()
            fault: Any = ua.ServiceFault()
            fault.ResponseHeader.ServiceResult = code(ua.StatusCodes.BadSessionClosed)
            header: Any = request.requesthdr
            self.send_response(header.RequestHandle, request.seqhdr, fault)

    def take_publish_request(self, subscription_id: int) -> Any:
        """The Publish request for the last message of a subscription, which waits for none any
        more; None when there is none."""
        request = None if self.lost else self.get_publish_request(subscription_id)  # type: ignore[arg-type]
        self._publish_results_subs.pop(subscription_id, None)  # type: ignore[arg-type]
        return request

    async def forward_publish_response(self, result: ua.PublishResult, requestdata: Any) -> None:
        result.Results = requestdata.results or []
        response: Any = ua.PublishResponse(Parameters=result)
        response.ResponseHeader.RequestHandle = requestdata.requesthdr.RequestHandle
        data = self._connection.message_to_binary(
            publish_response(response),
            message_type=_SECURE_MESSAGE,
            request_id=requestdata.seqhdr.RequestId,
        )
        self._transport.write(data)


async def _browse_next(_: Requests, session: SessionServices, body: Any) -> Any:
    params = struct_from_binary(ua.BrowseNextParameters, body)
    return ua.BrowseNextResponse(
        Parameters=ua.BrowseNextResult(Results=await session.browse_next(params))
    )


async def _notice(_: Requests, session: SessionServices, body: Any) -> Any:
    """What became of a subscription, for a Publish request that comes after it."""
    params = struct_from_binary(ua.PublishParameters, body)
    acks: Any = params.SubscriptionAcknowledgements
    result = session.notices.popleft()
    _, result.Results = session.subscription_service.acknowledge(session.session_id, acks)  # type: ignore[assignment]
    return ua.PublishResponse(Parameters=result)


async def _set_triggering(_: Requests, session: SessionServices, body: Any) -> Any:
    params = struct_from_binary(ua.SetTriggeringParameters, body)
    return ua.SetTriggeringResponse(Parameters=session.set_triggering(params))


async def _modify_subscription(_: Requests, session: SessionServices, body: Any) -> Any:
    params = struct_from_binary(ua.ModifySubscriptionParameters, body)
    return ua.ModifySubscriptionResponse(Parameters=await session.modify(params))


async def _transfer(requests: Requests, session: SessionServices, body: Any) -> Any:
    params = struct_from_binary(ua.TransferSubscriptionsParameters, body)
    if not params.SubscriptionIds:
        raise uaerrors.BadNothingToDo
    response = ua.TransferSubscriptionsResponse()
    response.Parameters.Results = await transfer(session, requests, params)
    return response


async def _register_nodes(_: Requests, __: SessionServices, body: Any) -> Any:
    params = struct_from_binary(ua.RegisterNodesParameters, body)
    Limit.REGISTER.check(params.NodesToRegister)
    response = ua.RegisterNodesResponse()
    response.Parameters.RegisteredNodeIds = params.NodesToRegister
    return response


_Answer = Callable[[Requests, "SessionServices", Any], Awaitable[Any]]
_OWN: dict[ua.NodeId, _Answer] = {
    node_id(ua.ObjectIds.BrowseNextRequest_Encoding_DefaultBinary): _browse_next,
    node_id(ua.ObjectIds.SetTriggeringRequest_Encoding_DefaultBinary): _set_triggering,
    node_id(ua.ObjectIds.RegisterNodesRequest_Encoding_DefaultBinary): _register_nodes,
    node_id(ua.ObjectIds.ModifySubscriptionRequest_Encoding_DefaultBinary): _modify_subscription,
    node_id(ua.ObjectIds.TransferSubscriptionsRequest_Encoding_DefaultBinary): _transfer,
}
