"""The tag table of the Tennessee Eastman process."""

from importlib import resources

import numpy as np

from opcua_ai_simulator.plants._tennessee_eastman_tags import (
    FAULTS,
    GROUPS,
    manipulated,
    measurements,
)

TAGS = (*measurements(), *manipulated())
RECORDINGS = resources.files("opcua_ai_simulator") / "recordings" / "tep_braatz.npz"


def test_has_every_measurement_and_recorded_valve_in_order():
    assert [tag.name for tag in measurements()] == [f"XMEAS({n})" for n in range(1, 42)]
    assert [tag.name for tag in manipulated()] == [f"XMV({n})" for n in range(1, 12)]
    assert len(FAULTS) == 22


def test_names_are_unique_and_filled():
    assert len({tag.path for tag in TAGS}) == 52
    assert all(tag.display_name and tag.description and tag.group in GROUPS for tag in TAGS)
    shown = [tag.display_name for tag in measurements()]
    assert len(set(shown)) == 41
    assert {tag.name: tag for tag in TAGS}["XMEAS(7)"].display_name == "Reactor pressure"


def test_valves_are_read_only_unless_asked_for():
    assert not any(tag.writable for tag in manipulated())
    assert all(tag.writable for tag in manipulated(writable=True))


def test_normal_operation_lies_within_every_range():
    with RECORDINGS.open("rb") as stream, np.load(stream) as arrays:
        values = np.vstack([arrays["d00"], arrays["d00_te"]])
    low = np.array([tag.low for tag in TAGS])
    high = np.array([tag.high for tag in TAGS])
    inside = (values >= low) & (values <= high)
    assert inside.all(), [TAGS[column].name for column in np.flatnonzero(~inside.all(axis=0))]
    # A range so wide that a signal hardly moves in it is of no use either.
    assert ((values.max(axis=0) - low) / (high - low) > 0.1).all()


def test_unit_ids_decode_to_their_unece_code():
    codes = {tag.unit.code for tag in TAGS}
    assert codes == {"CEL", "KPA", "E93", "MQH", "KWT", "P1", ""}
    for tag in TAGS:
        unit = tag.unit
        assert unit.symbol and unit.name
        if unit.code:
            assert unit.unit_id.to_bytes(len(unit.code), "big").decode() == unit.code
        else:
            assert (unit.unit_id, unit.symbol) == (-1, "kscmh")
    # As printed in the OPC Foundation's UNECE_to_OPCUA.csv.
    ids = {tag.unit.code: tag.unit.unit_id for tag in TAGS}
    assert (ids["KPA"], ids["MQH"], ids["E93"]) == (4935745, 5067080, 4536627)
    assert (ids["CEL"], ids["P1"], ids["KWT"]) == (4408652, 20529, 4937556)
