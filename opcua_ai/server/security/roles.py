"""Roles and what each may do with each node (Part 3, 8.55 and Part 18, 4.3).

Roles are ordered: each may do what the ones before it may. A rule therefore names, for each
permission, the least role that has it; a permission that a rule does not name is nobody's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum

from asyncua import ua
from asyncua.crypto.permission_rules import User, UserRole
from asyncua.server.address_space import AddressSpace

from opcua_ai.core.config import RoleName
from opcua_ai.server.values import node_id, node_ids

Permission = ua.PermissionType


class Role(IntEnum):
    """The well-known roles that this server tells apart (Part 18, 4.3)."""

    Observer = 1
    """Browses, reads live values and history, receives events."""
    Operator = 2
    """Also calls methods: acknowledges, confirms, comments, shelves, runs models."""
    Engineer = 3
    """Also takes alarms and models out of service."""
    ConfigureAdmin = 4
    """Also sees the security of the server: sessions, roles, audit events."""

    @property
    def node(self) -> ua.NodeId:
        """The well-known NodeId below ``Server/ServerCapabilities/RoleSet``."""
        return node_id(getattr(ua.ObjectIds, f"WellKnownRole_{self.name}"))


@dataclass
class Member(User):
    """The user of a session. For asyncua never more than a plain user."""

    role: UserRole = UserRole.User
    rank: Role = Role.Observer

    @classmethod
    def of(cls, name: str | None, role: RoleName) -> Member:
        return cls(name=name, rank=Role[role])


Rule = Mapping[Permission, Role]

_LOOKING = Permission.Browse, Permission.Read, Permission.ReadHistory, Permission.ReceiveEvents
_FOR_ALL: Rule = dict.fromkeys(_LOOKING, Role.Observer) | {
    Permission.ReadRolePermissions: Role.ConfigureAdmin
}
DEFAULT: Rule = {**_FOR_ALL, Permission.Call: Role.Operator}
"""Everybody looks, Operators call methods, nobody writes."""
HARMLESS: Rule = {**_FOR_ALL, Permission.Call: Role.Observer}
"""A method that changes nothing but what its caller gets to see."""
OUT_OF_SERVICE: Rule = {**_FOR_ALL, Permission.Call: Role.Engineer}
DIAGNOSTIC: Rule = {**_FOR_ALL, Permission.Read: Role.ConfigureAdmin}
"""What tells of the sessions of others: there for all to see, with a value for few."""
SECRET: Rule = dict.fromkeys(
    (*_LOOKING, Permission.Call, Permission.ReadRolePermissions), Role.ConfigureAdmin
)

_HARMLESS_METHODS = (
    ua.ObjectIds.ConditionType_ConditionRefresh,
    ua.ObjectIds.ConditionType_ConditionRefresh2,
    ua.ObjectIds.Server_GetMonitoredItems,
    ua.ObjectIds.Server_ResendData,
)
_OUT_OF_SERVICE_METHODS = ua.ObjectIds.ConditionType_Enable, ua.ObjectIds.ConditionType_Disable
"""Conditions share the methods of their types."""
_SECRET_TREES = (
    ua.ObjectIds.ServerConfiguration,
    ua.ObjectIds.Server_ServerCapabilities_RoleSet,
    ua.ObjectIds.Server_ServerDiagnostics_SessionsDiagnosticsSummary_SessionSecurityDiagnosticsArray,
    ua.ObjectIds.AuditEventType,
)
_DIAGNOSTICS = (
    ua.ObjectIds.Server_ServerDiagnostics_SessionsDiagnosticsSummary_SessionDiagnosticsArray,
    ua.ObjectIds.Server_ServerDiagnostics_SubscriptionDiagnosticsArray,
)
_DOWN = node_ids(
    ua.ObjectIds.HasComponent,
    ua.ObjectIds.HasProperty,
    ua.ObjectIds.HasSubtype,
    ua.ObjectIds.Organizes,
)


class AccessRules:
    """The one place that decides. Nodes without a rule of their own follow ``DEFAULT``."""

    def __init__(self) -> None:
        self._rules: dict[ua.NodeId, Rule] = {}

    def restrict(self, nodes: Iterable[ua.NodeId], rule: Rule) -> None:
        """Give nodes a rule of their own."""
        self._rules.update(dict.fromkeys(nodes, rule))

    def allowed(self, user: User | None, node: ua.NodeId, permission: Permission) -> bool:
        """May the user of a session do this with the node? Nobody's user may nothing."""
        if not isinstance(user, Member):
            return False
        least = self._rules.get(node, DEFAULT).get(permission)
        return least is not None and user.rank >= least

    def role_permissions(
        self, node: ua.NodeId, limit: Role = Role.ConfigureAdmin
    ) -> list[ua.RolePermissionType]:
        """The value of RolePermissions, and with a ``limit`` of UserRolePermissions
        (Part 3, 5.2.9 and 5.2.10)."""
        rule = self._rules.get(node, DEFAULT)
        return [
            ua.RolePermissionType(
                role.node, Permission(sum(p for p, least in rule.items() if role >= least))
            )
            for role in Role
            if role <= limit
        ]

    def learn(self, aspace: AddressSpace) -> None:
        """The rules of the standard address space."""
        self.restrict(map(node_id, _HARMLESS_METHODS), HARMLESS)
        self.restrict(map(node_id, _OUT_OF_SERVICE_METHODS), OUT_OF_SERVICE)
        self.restrict(map(node_id, _DIAGNOSTICS), DIAGNOSTIC)
        for root in _SECRET_TREES:
            self.restrict(_tree(aspace, node_id(root)), SECRET)


def _tree(aspace: AddressSpace, root: ua.NodeId) -> set[ua.NodeId]:
    """The node and everything below it."""
    found: set[ua.NodeId] = set()
    waiting = [root]
    while waiting:
        node = waiting.pop()
        data = aspace.get(node)
        if node in found or data is None:
            continue
        found.add(node)
        waiting += [r.NodeId for r in data.references if r.IsForward and r.ReferenceTypeId in _DOWN]
    return found
