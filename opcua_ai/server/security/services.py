"""The services that exist here at all: to look, to listen and to call. No node management."""

from __future__ import annotations

from typing import Any

from asyncua import ua
from asyncua.crypto.permission_rules import USER_TYPES, PermissionRuleset, User

from opcua_ai.server.security.roles import Member
from opcua_ai.server.values import node_ids

_OFFERED = node_ids(
    *USER_TYPES,
    ua.ObjectIds.BrowseNextRequest_Encoding_DefaultBinary,
    ua.ObjectIds.SetTriggeringRequest_Encoding_DefaultBinary,
)


class Offered(PermissionRuleset):
    """What a user may do with a node in these services is for :mod:`roles` to say."""

    def check_validity(self, user: User | None, action_type: ua.NodeId, body: Any) -> bool:
        """False makes asyncua answer BadUserAccessDenied."""
        return isinstance(user, Member) and action_type in _OFFERED
