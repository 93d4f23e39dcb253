"""Which role may do what with which node."""

from __future__ import annotations

import pytest
from asyncua import ua
from asyncua.crypto.permission_rules import User, UserRole

from opcua_ai.server.security.roles import SECRET, AccessRules, Member, Permission, Role
from opcua_ai.server.security.services import Offered
from opcua_ai.server.values import node_id

NODE, METHOD = node_id("value", 2), node_id("method", 2)
P = Permission


def may(role: Role, permission: Permission, rules: AccessRules | None = None) -> bool:
    return (rules or AccessRules()).allowed(Member(rank=role), NODE, permission)


@pytest.mark.parametrize("permission", [P.Browse, P.Read, P.ReadHistory, P.ReceiveEvents])
def test_everybody_looks(permission: Permission) -> None:
    assert all(may(role, permission) for role in Role)


def test_operators_call_methods() -> None:
    assert [role for role in Role if may(role, P.Call)] == [
        Role.Operator,
        Role.Engineer,
        Role.ConfigureAdmin,
    ]


@pytest.mark.parametrize("permission", [P.Write, P.WriteAttribute, P.AddNode, P.DeleteHistory])
def test_nobody_changes_nodes(permission: Permission) -> None:
    assert not any(may(role, permission) for role in Role)


def test_a_user_of_asyncua_may_nothing() -> None:
    for user in (None, User(UserRole.Admin, "admin"), User(UserRole.User)):
        assert not AccessRules().allowed(user, NODE, P.Browse)


def test_a_node_with_a_rule_of_its_own() -> None:
    rules = AccessRules()
    rules.restrict([NODE], SECRET)
    assert [role for role in Role if may(role, P.Read, rules)] == [Role.ConfigureAdmin]
    assert rules.allowed(Member(), METHOD, P.Read)


def test_role_permissions_say_the_same() -> None:
    by_role = {p.RoleId: p.Permissions for p in AccessRules().role_permissions(NODE)}
    assert set(by_role) == {role.node for role in Role}
    for role in Role:
        for permission in P:
            assert bool(by_role[role.node] & permission) == may(role, permission)


def test_the_well_known_roles_have_their_node_ids() -> None:
    assert [role.node.Identifier for role in Role] == [15668, 15680, 16036, 15716]


@pytest.mark.parametrize("service", ["AddNodes", "DeleteNodes", "AddReferences", "HistoryUpdate"])
def test_no_service_that_changes_the_address_space(service: str) -> None:
    request = getattr(ua.ObjectIds, f"{service}Request_Encoding_DefaultBinary")
    assert not Offered().check_validity(Member(rank=Role.ConfigureAdmin), node_id(request), None)


@pytest.mark.parametrize("service", ["Read", "Browse", "BrowseNext", "Publish", "Call", "Write"])
def test_services_for_members_only(service: str) -> None:
    request = node_id(getattr(ua.ObjectIds, f"{service}Request_Encoding_DefaultBinary"))
    assert Offered().check_validity(Member(), request, None)
    assert not Offered().check_validity(User(UserRole.Admin), request, None)
