"""The four feeds: 1 A, 2 D, 3 E and 4 A and C, as Downs and Vogel number the streams."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from opcua_ai_simulator.arrays import FloatArray
from opcua_ai_simulator.plants.tennessee_eastman.components import (
    COMPONENTS,
    ENTHALPY,
    FEEDS,
    MOLAR_MASS,
)
from opcua_ai_simulator.plants.tennessee_eastman.disturbances import Conditions

D_MOLAR_MASS, E_MOLAR_MASS, _ = (float(mass) for mass in MOLAR_MASS @ FEEDS)


class Feeds(NamedTuple):
    flow: FloatArray
    """Of D, E, A, A and C, in the order of their valves, float64[4, plants] in lb-mol/h."""
    into_header: FloatArray
    """D, E and A together: components and enthalpy per hour, float64[9, plants]."""
    ac: FloatArray
    """A and C, into the stripper, float64[9, plants]."""


def feeds(flow: FloatArray, now: Conditions) -> Feeds:
    """What the flows of D, E, A, A and C, float64[4, plants] in lb-mol/h, bring."""
    pure = flow[:3]
    into_header = np.empty_like(now.ac_content)
    np.matmul(FEEDS, pure, out=into_header[COMPONENTS])
    np.add.reduce(pure * now.feed_enthalpy, axis=0, out=into_header[ENTHALPY])
    return Feeds(flow, into_header, flow[3] * now.ac_content)
