"""Unit texts -> EUInformation (Part 8, 5.6.4.3) with the UNECE Recommendation 20 code as UnitId.

The UnitId is the code's characters as bytes of one integer (Part 8, 5.6.4.3): ``CEL`` -> 0x43454C.
A unit that is not in the table keeps its text and gets UnitId -1, as the specification asks.
"""

from __future__ import annotations

from asyncua import ua

UNECE_URI = "http://www.opcfoundation.org/UA/units/un/cefact"

_CODES = {
    "%": "P1", "mol%": "P1", "1": "C62", "ppm": "59",
    "°C": "CEL", "degC": "CEL", "K": "KEL", "°F": "FAH", "degF": "FAH",
    "Pa": "PAL", "kPa": "KPA", "MPa": "MPA", "bar": "BAR", "mbar": "MBR", "psi": "PS",
    "1/s": "C97", "s": "SEC", "ms": "C26", "min": "MIN", "h": "HUR", "d": "DAY",
    "mm": "MMT", "cm": "CMT", "m": "MTR", "km": "KMT", "µm": "4H", "um": "4H",
    "g": "GRM", "kg": "KGM", "t": "TNE", "kmol": "B45", "mol": "C34",
    "kg/s": "KGS", "kg/h": "E93", "t/h": "E18", "m3/h": "MQH", "m³/h": "MQH",
    "m3/s": "MQS", "m³/s": "MQS", "l/min": "L2", "L/min": "L2",
    "m3": "MTQ", "m³": "MTQ", "l": "LTR", "L": "LTR",
    "W": "WTT", "kW": "KWT", "MW": "MAW", "J": "JOU", "kJ": "KJO", "MJ": "3B",
    "kWh": "KWH", "MWh": "MWH", "V": "VLT", "mV": "2Z", "A": "AMP", "mA": "4K", "Hz": "HTZ",
    "kHz": "KHZ", "rpm": "RPM", "1/min": "RPM", "r/min": "RPM", "rad/s": "2A",
    "N": "NEW", "kN": "B47", "Nm": "NU", "N·m": "NU", "m/s": "MTS", "m/s2": "MSK", "m/s²": "MSK",
    "mm/s": "C16", "deg": "DD", "°": "DD", "rad": "C81", "kg/m3": "KMQ", "kg/m³": "KMQ",
}  # fmt: skip


def eu_information(unit: str) -> ua.EUInformation:
    """EUInformation of a unit text; an empty text gives UnitId -1 with an empty name."""
    code = _CODES.get(unit.strip())
    return ua.EUInformation(
        NamespaceUri=UNECE_URI if code else None,
        UnitId=ua.Int32(int.from_bytes(code.encode("ascii")) if code else -1),
        DisplayName=ua.LocalizedText(unit),
        Description=ua.LocalizedText(unit),
    )
