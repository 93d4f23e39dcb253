"""Speed of the Tennessee Eastman plant: plant hours per second in one thread of one process.

Decentralised control with noise, after the first quarter of an hour, in CPU time: the median of
rounds. The original Fortran program was measured in another run on another day, so the ratio to it
says no more than the order of magnitude; the ratio to a batch of one is of this run.
"""

from __future__ import annotations

import statistics
import time

from opcua_ai_simulator.plants.tennessee_eastman.decentralised import START, DecentralisedControl
from opcua_ai_simulator.plants.tennessee_eastman.simulation import Simulation

# Plant hours per second of the compiled program under the same control with its noise: 48 h in
# 3.7 s (gfortran 12.2 -O2, a shared AMD EPYC core under load), from the notes that came with the
# reference data, section 7.
FORTRAN = 13.0
BATCHES = (1, 8, 64, 512)
WARM_UP, ROUND, ROUNDS = 900, 256, 15  # plant seconds; a round draws each plant's noise once


def measured() -> dict[str, dict[str, float]]:
    """Rows by batch."""
    steps = {plants: _step(plants) for plants in BATCHES}
    hours = {plants: plants / 3600.0 / step for plants, step in steps.items()}
    return {
        f"batch {plants}": {
            "us_per_step": steps[plants] * 1e6,
            "plant_hours_per_s": hours[plants],
            "ratio_to_fortran": hours[plants] / FORTRAN,
            "ratio_to_batch_1": hours[plants] / hours[1],
            "real_time": 1.0 / steps[plants],
        }
        for plants in BATCHES
    }


def _step(plants: int) -> float:
    """CPU seconds of all threads for a plant second of the whole batch."""
    simulation = Simulation(DecentralisedControl, range(plants), start=START)
    simulation.step(WARM_UP)
    rounds: list[float] = []
    for _ in range(ROUNDS):
        before = time.process_time()
        simulation.step(ROUND)
        rounds.append((time.process_time() - before) / ROUND)
    return statistics.median(rounds)
