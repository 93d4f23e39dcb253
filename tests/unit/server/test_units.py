"""Unit texts become EUInformation (Part 8, 5.6.4.3)."""

from __future__ import annotations

import pytest

from opcua_ai.server.units import UNECE_URI, eu_information


@pytest.mark.parametrize(
    ("unit", "unit_id"),
    # The bytes of the codes CEL, P1, KPA, KWT and MQH.
    [("degC", 4408652), ("%", 20529), ("kPa", 4935745), ("kW", 4937556), ("m3/h", 5067080)],
)
def test_known_units_have_the_official_id(unit: str, unit_id: int) -> None:
    found = eu_information(unit)
    assert (found.UnitId, found.NamespaceUri) == (unit_id, UNECE_URI)
    assert found.DisplayName.Text == unit


@pytest.mark.parametrize("unit", ["kscmh", "$/h", ""])
def test_unknown_unit_keeps_its_text(unit: str) -> None:
    found = eu_information(unit)
    assert found.UnitId == -1
    assert found.NamespaceUri is None
    assert found.DisplayName.Text == unit
