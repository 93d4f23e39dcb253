"""What one session may ask for in one request, and what it keeps between requests.

asyncua checks no number of operations, no MaxAge and no TimestampsToReturn, has no BrowseNext, and
lets each session use the subscriptions of the others.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from asyncua import ua
from asyncua.server.internal_session import InternalSession, SessionState
from asyncua.ua import uaerrors

from opcua_ai.server.asyncua_mends import timestamps
from opcua_ai.server.asyncua_mends.browse import Browser
from opcua_ai.server.asyncua_mends.diagnostics import End
from opcua_ai.server.asyncua_mends.operation_limits import Limit
from opcua_ai.server.asyncua_mends.publishing import Subscription
from opcua_ai.server.asyncua_mends.session_diagnostics import SessionDiagnostics
from opcua_ai.server.asyncua_mends.subscription_services import SubscriptionServices

if TYPE_CHECKING:
    from opcua_ai.server.asyncua_mends.services import InternalServer

_MOST_NOTICES = 100


class SessionServices(InternalSession):
    """The services of a session, with the limits of Part 4."""

    iserver: InternalServer  # type: ignore[assignment]
    subscription_service: SubscriptionServices  # type: ignore[assignment]

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._browser = Browser(self.iserver.view_service)
        self.says_goodbye = False
        """Its client has called CloseSession."""
        self.diagnostics = SessionDiagnostics()
        self.notices: deque[ua.PublishResult] = deque(maxlen=_MOST_NOTICES)
        """What became of subscriptions that the session has lost; for its next Publish requests."""

    async def create_session(
        self, params: ua.CreateSessionParameters, sockname: tuple[str, int] | None = None
    ) -> ua.CreateSessionResult:
        result = await super().create_session(params, sockname)
        self.iserver.diagnostics.session_opened()
        self.diagnostics.opened(params, result.RevisedSessionTimeout)
        return result

    async def read(self, params: ua.ReadParameters) -> list[ua.DataValue]:
        Limit.READ.check(params.NodesToRead)
        if params.MaxAge < 0:
            raise uaerrors.BadMaxAgeInvalid
        timestamps.check(params.TimestampsToReturn)
        return await super().read(params)

    async def write(self, params: ua.WriteParameters) -> list[ua.StatusCode]:
        Limit.WRITE.check(params.NodesToWrite)
        return await super().write(params)

    async def history_read(self, params: ua.HistoryReadParameters) -> list[ua.HistoryReadResult]:
        return await self.iserver.history.read(self, params)

    async def call(self, params: list[ua.CallMethodRequest]) -> list[ua.CallMethodResult]:
        Limit.CALL.check(params)
        return await super().call(params)

    async def browse(self, params: ua.BrowseParameters) -> list[ua.BrowseResult]:
        Limit.BROWSE.check(params.NodesToBrowse)
        if not params.View.ViewId.is_null():
            raise uaerrors.BadViewIdUnknown
        return self._browser.browse(params.NodesToBrowse, params.RequestedMaxReferencesPerNode)

    async def browse_next(self, parameters: ua.BrowseNextParameters) -> list[ua.BrowseResult]:
        points: Any = parameters.ContinuationPoints
        Limit.BROWSE.check(points)
        return self._browser.next(points, parameters.ReleaseContinuationPoints)

    async def translate_browsepaths_to_nodeids(
        self, params: list[ua.BrowsePath]
    ) -> list[ua.BrowsePathResult]:
        Limit.TRANSLATE.check(params)
        return await super().translate_browsepaths_to_nodeids(params)

    async def create_subscription(
        self,
        params: ua.CreateSubscriptionParameters,
        callback: Callable[..., Any],
        request_callback: Callable[..., Any] | None = None,
    ) -> ua.CreateSubscriptionResult:
        result = await self.subscription_service.create_subscription(
            params, callback, self.session_id, request_callback, self.user.name
        )
        self.subscription_service.find(result.SubscriptionId).client = self.diagnostics.client
        self.iserver.diagnostics.subscription_opened()
        return result

    async def modify(self, params: ua.ModifySubscriptionParameters) -> ua.ModifySubscriptionResult:
        self._own(params.SubscriptionId)
        return await self.subscription_service.modify(params)

    async def delete_subscriptions(self, ids: list[int]) -> list[ua.StatusCode]:
        return await super().delete_subscriptions(self._without_foreign(ids))

    async def set_publishing_mode(
        self, params: ua.SetPublishingModeParameters
    ) -> list[ua.StatusCode]:
        if not params.SubscriptionIds:
            raise uaerrors.BadNothingToDo
        params.SubscriptionIds = self._without_foreign(params.SubscriptionIds)  # type: ignore[assignment]
        return await super().set_publishing_mode(params)

    def _without_foreign(self, ids: Iterable[int]) -> list[int]:
        """Foreign ids become 0, which no subscription has: one result for each, in order."""
        own = {s.data.SubscriptionId for s in self.subscription_service.of_session(self.session_id)}
        return [i if i in own else 0 for i in ids]

    def republish(self, params: ua.RepublishParameters) -> ua.NotificationMessage:
        self._own(params.SubscriptionId)
        return super().republish(params)

    async def create_monitored_items(
        self, params: ua.CreateMonitoredItemsParameters
    ) -> list[ua.MonitoredItemCreateResult]:
        Limit.MONITOR.check(params.ItemsToCreate)
        self._own(params.SubscriptionId)
        return await super().create_monitored_items(params)

    async def modify_monitored_items(
        self, params: ua.ModifyMonitoredItemsParameters
    ) -> list[ua.MonitoredItemModifyResult]:
        Limit.MONITOR.check(params.ItemsToModify)
        self._own(params.SubscriptionId)
        return await super().modify_monitored_items(params)

    async def set_monitoring_mode(
        self, params: ua.SetMonitoringModeParameters
    ) -> list[ua.StatusCode]:
        Limit.MONITOR.check(params.MonitoredItemIds)
        self._own(params.SubscriptionId)
        return await super().set_monitoring_mode(params)

    async def delete_monitored_items(
        self, params: ua.DeleteMonitoredItemsParameters
    ) -> list[ua.StatusCode]:
        Limit.MONITOR.check(params.MonitoredItemIds)
        self._own(params.SubscriptionId)
        return await super().delete_monitored_items(params)

    def set_triggering(self, params: ua.SetTriggeringParameters) -> ua.SetTriggeringResult:
        Limit.MONITOR.check([*params.LinksToAdd, *params.LinksToRemove])
        return self._own(params.SubscriptionId).monitored_item_srv.set_triggering(params)

    def _own(self, subscription_id: int) -> Subscription:
        """A subscription of this session, whose lifetime counter starts again."""
        subscription = self.subscription_service.find(subscription_id)
        if subscription.session_id != self.session_id:
            raise uaerrors.BadSubscriptionIdInvalid
        subscription.keep()
        return subscription

    def publish(
        self, acks: Iterable[ua.SubscriptionAcknowledgement] | None = None
    ) -> tuple[int, list[ua.StatusCode]]:
        """Raises BadNoSubscription (Part 4, 5.14.5)."""
        own, results = self.subscription_service.acknowledge(self.session_id, list(acks or ()))
        if not own:
            raise uaerrors.BadNoSubscription
        return own, results

    async def close_session(self, delete_subs: bool = True) -> None:
        """CloseSession (Part 4, 5.7.4), or the end for another reason."""
        if self.external and self.state != SessionState.Closed:
            self._ends(self._end())
        await super().close_session(delete_subs)
        for subscription in self.subscription_service.of_session(self.session_id):
            subscription.detach()

    def _end(self) -> End:
        if self.says_goodbye:
            return End.CLOSED
        idle = time.monotonic() - self._last_activity
        return End.TIMEOUT if idle >= (self.session_timeout or math.inf) else End.TERMINATED

    def _ends(self, end: End) -> None:
        if self.is_activated():
            self.iserver.diagnostics.session_ended(end)
