"""RunNow, Enable and Disable of an AdvisoryModelType, for clients to call (Part 4, 5.12.2).

The models share the methods of their type (Part 3, 4.6), as conditions do.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from asyncua import ua

from opcua_ai.core.ports import ModelControl
from opcua_ai.server import methods
from opcua_ai.server.asyncua_mends.services import InternalServer
from opcua_ai.server.instances import Instances
from opcua_ai.server.security.roles import OUT_OF_SERVICE
from opcua_ai.server.values import code

RUN_NOW, ENABLE, DISABLE = 6117, 6118, 6119
"""Identifiers in nodesets/Opc.Ua.OpcuaAi.NodeSet2.xml."""

Action = Callable[[str], Awaitable[bool]]


def offer(
    services: InternalServer,
    instances: Instances,
    models: Mapping[str, ua.NodeId],
    control: ModelControl,
) -> None:
    """Give each model its methods. Operators run a model, Engineers take it out of service."""
    names = {node: name for name, node in models.items()}

    async def run_now(model: str) -> bool:
        return control.run_now(model)

    actions: dict[int, Action] = {
        RUN_NOW: run_now,
        ENABLE: control.enable,
        DISABLE: control.disable,
    }
    own = {instances.type_id(number): action for number, action in actions.items()}
    for method, action in own.items():
        services.isession.add_method_callback(method, methods.checked((), _callback(names, action)))
    for node in names:
        methods.share(services.aspace, node, own)
    switches = [instances.type_id(number) for number in (ENABLE, DISABLE)]
    services.gatekeeper.rules.restrict(switches, OUT_OF_SERVICE)


def _callback(models: Mapping[ua.NodeId, str], action: Action) -> methods.Method:
    async def call(target: ua.NodeId) -> ua.CallMethodResult:
        if target not in models:
            return ua.CallMethodResult(StatusCode=code(ua.StatusCodes.BadMethodInvalid))
        done = await action(models[target])
        status = ua.StatusCodes.Good if done else ua.StatusCodes.BadInvalidState
        return ua.CallMethodResult(StatusCode=code(status))

    return call
