"""What the demo does to the plant: lets it run, brings the first fault, obeys the keys."""

from __future__ import annotations

from datetime import timedelta

from asyncua import Node, ua

from opcua_ai.demo.keys import ESCAPE
from opcua_ai.demo.state import LAST_FAULT, State

SLOWEST, FASTEST = 1.0, 2000.0
NORMAL_S = 10.0
"""Seconds of normal operation between the first prediction and the first fault."""


class Operator:
    """Acts on the plant over OPC UA; ``nodes`` maps browse paths below the plant to its nodes."""

    def __init__(self, state: State, nodes: dict[str, Node], fault: int, speed: float) -> None:
        self._state = state
        self._nodes = nodes
        self._first_fault = fault
        self._speed = speed

    async def start(self) -> None:
        """Let the (paused) plant run, fast until the model has its window."""
        await self._call("SetSpeed", FASTEST)
        await self._call("Resume")

    async def look(self) -> None:
        """Once the model predicts: the speed that was asked for, and the first fault is due."""
        if self._state.filling and self._state.detection.quality != "Bad":
            self._state.filling = False
            await self._call("SetSpeed", self._speed)
            if self._first_fault:
                await self._announce(self._first_fault)

    async def press(self, key: str) -> None:
        """Do what the key means; others than those of the help line mean nothing."""
        state = self._state
        state.message = ""
        match key:
            case "\n" | "\r":
                await self._enter()
            case "\x7f" | "\b":
                state.typed = state.typed[:-1]
            case "c":
                await self._begin(0)
            case "r":
                await self._reset()
            case "+" | "=":
                await self._change_speed(2.0)
            case "-":
                await self._change_speed(0.5)
            case _ if key in "0123456789":
                state.typed = (state.typed + key)[:4]
            case _ if key == ESCAPE:
                state.typed = ""
            case _:
                pass

    async def _enter(self) -> None:
        typed, self._state.typed = self._state.typed, ""
        if not typed:
            return
        if int(typed) > LAST_FAULT:
            self._state.message = f"There is no IDV({typed}): type 1 to {LAST_FAULT}, or 0 for none"
        else:
            await self._begin(int(typed))

    async def _begin(self, fault: int) -> None:
        """At once, and instead of what acts or comes; 0 = none."""
        self._drop_first_fault()
        value = ua.DataValue(ua.Variant(fault, ua.VariantType.Int32))
        await self._nodes["Simulation/Fault"].write_value(value)
        self._state.message = f"IDV({fault}) begins" if fault else "All faults end"

    async def _reset(self) -> None:
        self._drop_first_fault()
        await self._call("Reset")
        self._state.message = "The plant is back at its start"

    def _drop_first_fault(self) -> None:
        self._first_fault = 0
        self._state.coming = None

    async def _change_speed(self, factor: float) -> None:
        self._speed = min(FASTEST, max(SLOWEST, self._speed * factor))
        if not self._state.filling:
            await self._call("SetSpeed", self._speed)
        self._state.message = f"Speed {self._speed:g}x"

    async def _announce(self, fault: int) -> None:
        wait = timedelta(seconds=NORMAL_S * self._speed)
        hours = wait.total_seconds() / 3600.0
        await self._call("InjectFault", ua.Variant(fault, ua.VariantType.Int32), hours, 1.0)
        if self._state.plant_time is not None:
            self._state.coming = (fault, self._state.plant_time + wait)

    async def _call(self, method: str, *arguments: float | ua.Variant) -> None:
        node = self._nodes[f"Simulation/{method}"]
        await self._nodes["Simulation"].call_method(node.nodeid, *arguments)
