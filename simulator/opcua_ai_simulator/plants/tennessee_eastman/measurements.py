"""The 41 measurements: 22 continuous ones and 19 analysers.

Downs and Vogel, tables 4 and 5; subroutine TEFUNC. XMEAS(n) is row n - 1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from opcua_ai_simulator.arrays import FloatArray, IndexArray
from opcua_ai_simulator.plants.tennessee_eastman.components import COMPONENTS, ENTHALPY, D, single
from opcua_ai_simulator.plants.tennessee_eastman.feeds import D_MOLAR_MASS, E_MOLAR_MASS
from opcua_ai_simulator.plants.tennessee_eastman.generators import RandomSource
from opcua_ai_simulator.plants.tennessee_eastman.limits import CUBIC_FEET
from opcua_ai_simulator.plants.tennessee_eastman.process import Process
from opcua_ai_simulator.plants.tennessee_eastman.vessels import (
    GAS_HEADER,
    GAS_SEPARATOR,
    SEPARATOR,
    STRIPPER,
)

MEASUREMENTS, CONTINUOUS = 41, 22
GAS, PRODUCT = slice(0, 14), slice(14, 19)  # of the analysers' rows
GAS_PERIOD, PRODUCT_PERIOD = 0.1, 0.25  # h
NOISE = np.array(
    [
        0.0012, 18.0, 22.0, 0.05, 0.2, 0.21, 0.3, 0.5, 0.01, 0.0017, 0.01,
        1.0, 0.3, 0.125, 1.0, 0.3, 0.115, 0.01, 1.15, 0.2, 0.01, 0.01,
        0.25, 0.1, 0.25, 0.1, 0.25, 0.025, 0.25, 0.1, 0.25, 0.1, 0.25, 0.025, 0.05, 0.05,
        0.01, 0.01, 0.01, 0.5, 0.5,
    ]
)[:, None]  # fmt: skip
"""Standard deviation of each measurement, float64[41, 1]."""

_STANDARD = single(0.359) / CUBIC_FEET  # thousand standard cubic metres in a lb-mol
_KILOGRAM = single(0.454)
_CUBIC_METRE = 1.0 / CUBIC_FEET
_KILOPASCAL = single(101.325)
# Factor and zero of XMEAS(1) to (22), from what the process has.
_FACTOR, _ZERO = np.array(
    [
        (_STANDARD, 0.0),
        (D_MOLAR_MASS * _KILOGRAM, 0.0),
        (E_MOLAR_MASS * _KILOGRAM, 0.0),
        (_STANDARD, 0.0),
        (_STANDARD, 0.0),
        (_STANDARD, 0.0),
        (_KILOPASCAL / 760.0, _KILOPASCAL),
        (100.0 / single(666.7), 100.0 * single(84.6) / single(666.7)),
        (1.0, 0.0),
        (_STANDARD, 0.0),
        (1.0, 0.0),
        (100.0 / 290.0, 100.0 * 27.5 / 290.0),
        (_KILOPASCAL / 760.0, _KILOPASCAL),
        (_CUBIC_METRE, 0.0),
        (100.0 / 156.5, 100.0 * 78.25 / 156.5),
        (_KILOPASCAL / 760.0, _KILOPASCAL),
        (_CUBIC_METRE, 0.0),
        (1.0, 0.0),
        (1040.0 * _KILOGRAM, 0.0),
        (293.07, 0.0),
        (1.0, 0.0),
        (1.0, 0.0),
    ]
).T[:, :, None]


def continuous(process: Process) -> FloatArray:
    """XMEAS(1) to (22) without noise, float64[22, plants]."""
    p = process
    d, e, a, ac = p.feeds.flow
    reactor, separator, stripper, _ = p.temperatures
    header_pressure, reactor_pressure, separator_pressure, _ = p.gases.pressure
    reactor_volume, separator_volume, stripper_volume = p.liquids.volume
    values = np.array(
        [
            a,
            d,
            e,
            ac,
            p.recycle.flow,
            p.reactor_feed,
            reactor_pressure,
            reactor_volume,
            reactor,
            p.purge,
            separator,
            separator_volume,
            separator_pressure,
            p.underflow / p.liquids.density[SEPARATOR],
            stripper_volume,
            header_pressure,
            p.product / p.liquids.density[STRIPPER],
            stripper,
            p.steam_heat,
            p.recycle.work,
            *p.waters,
        ]
    )
    values *= _FACTOR
    values -= _ZERO
    return values


def compositions(process: Process) -> FloatArray:
    """What XMEAS(23) to (41) would be without dead time and noise, mol%, float64[19, plants]."""
    gas, liquid = process.gases.content, process.liquids.content
    return 100.0 * np.concatenate(
        [gas[GAS_HEADER, :6], gas[GAS_SEPARATOR, COMPONENTS], liquid[STRIPPER, D:ENTHALPY]]
    )


@dataclass
class Analysers:
    """Gas chromatographs, one full period late: each publishes its previous sample."""

    sample: FloatArray
    """Taken last and not published yet, float64[19, plants]."""
    published: FloatArray
    next_gas: FloatArray
    """Time of the next sample in h, float64[plants]."""
    next_product: FloatArray

    @classmethod
    def start(cls, plants: int) -> Analysers:
        rows = MEASUREMENTS - CONTINUOUS
        return cls(
            np.zeros((rows, plants)),
            np.zeros((rows, plants)),
            np.full(plants, GAS_PERIOD),
            np.full(plants, PRODUCT_PERIOD),
        )

    def read(
        self, process: Process, time: FloatArray, noisy: bool, random: RandomSource
    ) -> FloatArray:
        """XMEAS(23) to (41), float64[19, plants]; exact at time 0."""
        if not time.all():
            now, starting = compositions(process), time == 0.0
            np.copyto(self.sample, now, where=starting)
            np.copyto(self.published, now, where=starting)
        for rows, period, due_at in (
            (GAS, GAS_PERIOD, self.next_gas),
            (PRODUCT, PRODUCT_PERIOD, self.next_product),
        ):
            due = time >= due_at
            if due.any():
                self._publish(process, rows, np.flatnonzero(due), noisy, random)
                due_at[due] += period
        return self.published

    def _publish(
        self,
        process: Process,
        rows: slice,
        plants: IndexArray,
        noisy: bool,
        random: RandomSource,
    ) -> None:
        # Drawn without noise, too: the disturbances stay the same.
        noise = random.sample_noise(rows.stop - rows.start, plants)
        late = self.sample[rows, plants]
        if noisy:
            late = late + NOISE[CONTINUOUS:][rows] * noise
        self.published[rows, plants] = late
        self.sample[rows, plants] = compositions(process)[rows, plants]
