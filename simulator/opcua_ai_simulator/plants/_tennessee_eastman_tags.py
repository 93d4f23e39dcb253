"""Tags and faults of the Tennessee Eastman process.

Source: J. J. Downs and E. F. Vogel, A plant-wide industrial process control problem,
Computers chem. Engng 17 (1993) 245-255: names and units from tables 3 to 5, faults from table 8.
Ranges: the full scale of a feed or product stream where the paper gives it (table 3); otherwise
an instrument's round span that holds the base case, the six operating modes of Ricker (1995)
and the shutdown limits (reactor 3000 kPa, 175 degC). A range has an EURange's meaning: an
instrument may stand slightly outside it, as a lost feed does (noise about zero).
"""

from __future__ import annotations

from opcua_ai_simulator.plant import Tag, Unit

CELSIUS = Unit("CEL", "°C", "degree Celsius")
KILOPASCAL = Unit("KPA", "kPa", "kilopascal")
KILOGRAM_PER_HOUR = Unit("E93", "kg/h", "kilogram per hour")
CUBIC_METRE_PER_HOUR = Unit("MQH", "m³/h", "cubic metre per hour")
KILOWATT = Unit("KWT", "kW", "kilowatt")
PERCENT = Unit("P1", "%", "percent")
# UN/CEFACT has no code for a thousand standard cubic metres per hour.
KSCMH = Unit("", "kscmh", "thousand standard cubic metres per hour")

GROUPS = ("Feeds", "Reactor", "Separator", "Stripper", "Compressor", "Analysers")

_CONTINUOUS: tuple[tuple[str, str, str, Unit, float, float], ...] = (
    ("Feeds", "A feed", "Flow of feed A (stream 1)", KSCMH, 0, 1.017),
    ("Feeds", "D feed", "Mass flow of feed D (stream 2)", KILOGRAM_PER_HOUR, 0, 5811),
    ("Feeds", "E feed", "Mass flow of feed E (stream 3)", KILOGRAM_PER_HOUR, 0, 8354),
    ("Feeds", "A and C feed", "Flow of the mixed feed A and C (stream 4)", KSCMH, 0, 15.25),
    ("Compressor", "Recycle flow", "Flow of the recycle gas (stream 8)", KSCMH, 0, 50),
    ("Reactor", "Reactor feed rate", "Flow into the reactor (stream 6)", KSCMH, 0, 80),
    ("Reactor", "Reactor pressure", "Gauge pressure in the reactor", KILOPASCAL, 0, 3500),
    ("Reactor", "Reactor level", "Liquid level in the reactor", PERCENT, 0, 100),
    ("Reactor", "Reactor temperature", "Temperature in the reactor", CELSIUS, 0, 200),
    ("Separator", "Purge rate", "Flow of the purge gas (stream 9)", KSCMH, 0, 1.5),
    ("Separator", "Separator temperature", "Temperature in the separator", CELSIUS, 0, 150),
    ("Separator", "Separator level", "Liquid level in the separator", PERCENT, 0, 100),
    ("Separator", "Separator pressure", "Gauge pressure in the separator", KILOPASCAL, 0, 3500),
    (
        "Separator",
        "Separator underflow",
        "Liquid flow from the separator to the stripper (stream 10)",
        CUBIC_METRE_PER_HOUR,
        0,
        65.71,
    ),
    ("Stripper", "Stripper level", "Liquid level in the stripper", PERCENT, 0, 100),
    ("Stripper", "Stripper pressure", "Gauge pressure in the stripper", KILOPASCAL, 0, 4000),
    (
        "Stripper",
        "Stripper underflow",
        "Product flow from the stripper (stream 11)",
        CUBIC_METRE_PER_HOUR,
        0,
        49.10,
    ),
    ("Stripper", "Stripper temperature", "Temperature in the stripper", CELSIUS, 0, 150),
    ("Stripper", "Stripper steam flow", "Steam flow to the stripper", KILOGRAM_PER_HOUR, 0, 600),
    ("Compressor", "Compressor work", "Power drawn by the recycle compressor", KILOWATT, 0, 500),
    (
        "Reactor",
        "Reactor cooling water outlet temperature",
        "Temperature of the cooling water that leaves the reactor",
        CELSIUS,
        0,
        150,
    ),
    (
        "Separator",
        "Condenser cooling water outlet temperature",
        "Temperature of the cooling water that leaves the condenser before the separator",
        CELSIUS,
        0,
        150,
    ),
)

# Component -> (low, high) in mol%. Trace components go below zero by their analyser's noise.
_ANALYSERS: tuple[tuple[str, str, dict[str, tuple[float, float]]], ...] = (
    (
        "reactor feed",
        "reactor feed (stream 6), mole percent, one sample every 6 min, one sample late",
        {"A": (0, 60), "B": (0, 50), "C": (0, 60), "D": (0, 20), "E": (0, 40), "F": (0, 10)},
    ),
    (
        "purge gas",
        "purge gas (stream 9), mole percent, one sample every 6 min, one sample late",
        {
            **{"A": (0, 60), "B": (0, 60), "C": (0, 60), "D": (0, 5)},
            **{"E": (0, 40), "F": (0, 10), "G": (0, 15), "H": (0, 10)},
        },
    ),
    (
        "product",
        "product (stream 11), mole percent, one sample every 15 min, one sample late",
        {"D": (-0.1, 1), "E": (0, 3), "F": (0, 1), "G": (0, 100), "H": (0, 100)},
    ),
)

_VALVES: tuple[tuple[str, str, str], ...] = (
    ("Feeds", "D feed flow", "Valve of feed D (stream 2)"),
    ("Feeds", "E feed flow", "Valve of feed E (stream 3)"),
    ("Feeds", "A feed flow", "Valve of feed A (stream 1)"),
    ("Feeds", "A and C feed flow", "Valve of the mixed feed A and C (stream 4)"),
    ("Compressor", "Compressor recycle valve", "Valve in the compressor's bypass"),
    ("Separator", "Purge valve", "Valve of the purge gas (stream 9)"),
    ("Separator", "Separator liquid flow", "Valve from the separator to the stripper (stream 10)"),
    ("Stripper", "Stripper product flow", "Valve of the product (stream 11)"),
    ("Stripper", "Stripper steam valve", "Valve of the steam to the stripper"),
    ("Reactor", "Reactor cooling water flow", "Valve of the cooling water to the reactor"),
    ("Separator", "Condenser cooling water flow", "Valve of the cooling water to the condenser"),
)

# Index = fault number (IDV). 16 to 20 are "unknown" in the paper, 21 is of the recordings only.
FAULTS: tuple[str, ...] = (
    "Normal operation",
    "A/C feed ratio, B composition constant (stream 4): step",
    "B composition, A/C ratio constant (stream 4): step",
    "D feed temperature (stream 2): step",
    "Reactor cooling water inlet temperature: step",
    "Condenser cooling water inlet temperature: step",
    "A feed loss (stream 1): step",
    "C header pressure loss, reduced availability (stream 4): step",
    "A, B, C feed composition (stream 4): random variation",
    "D feed temperature (stream 2): random variation",
    "C feed temperature (stream 4): random variation",
    "Reactor cooling water inlet temperature: random variation",
    "Condenser cooling water inlet temperature: random variation",
    "Reaction kinetics: slow drift",
    "Reactor cooling water valve: sticking",
    "Condenser cooling water valve: sticking",
    "Unknown (16)",
    "Unknown (17)",
    "Unknown (18)",
    "Unknown (19)",
    "Unknown (20)",
    "A and C feed valve (stream 4) held at its steady position",
)

# 22 to 29: of the 2015 revision (Bathelt, Ricker, Jelali), which calls the last one IDV(21).
REVISION_FAULTS: tuple[str, ...] = (
    "E feed temperature (stream 3): random variation",
    "A feed flow (stream 1): random variation",
    "D feed flow (stream 2): random variation",
    "E feed flow (stream 3): random variation",
    "A and C feed flow (stream 4): random variation",
    "Reactor cooling water flow: random variation",
    "Condenser cooling water flow: random variation",
    "A feed temperature (stream 1): random variation",
)
ALL_FAULTS = (*FAULTS, *REVISION_FAULTS)


def measurements() -> tuple[Tag, ...]:
    """XMEAS(1) to XMEAS(41): 22 continuous ones, then 19 compositions."""
    rows = list(_CONTINUOUS)
    for where, description, ranges in _ANALYSERS:
        for component, (low, high) in ranges.items():
            name = f"Component {component} in {where}"
            text = f"Component {component} in the {description}"
            rows.append(("Analysers", name, text, PERCENT, low, high))
    return tuple(
        Tag(f"XMEAS({number})", group, name, text, unit, float(low), float(high))
        for number, (group, name, text, unit, low, high) in enumerate(rows, start=1)
    )


def manipulated(writable: bool = False) -> tuple[Tag, ...]:
    """XMV(1) to XMV(11), valve positions in percent; the agitator, XMV(12), is not recorded."""
    return tuple(
        Tag(f"XMV({number})", group, name, text, PERCENT, 0.0, 100.0, writable)
        for number, (group, name, text) in enumerate(_VALVES, start=1)
    )


def agitator(writable: bool = False) -> Tag:
    """XMV(12), 0 to 100 % of 150 to 250 rpm."""
    return Tag(
        "XMV(12)", "Reactor", "Agitator speed", "Speed of the agitator", PERCENT, 0, 100, writable
    )
