"""A process that writes rows until it is killed: ``shared_writer.py DESCRIPTOR COLUMNS ROWS``."""

import sys
import time

import numpy as np

from opcua_ai.core.types import NS, Samples
from opcua_ai.windows.shared import Memory, StoreWriter

T0 = 1_700_000_000 * NS
BURST = 5


def row(columns: int, number: int) -> Samples:
    """Every tag has the same value; each block closes the row of the one before."""
    return Samples(
        np.arange(columns, dtype=np.int32),
        np.full(columns, float(number)),
        np.full(columns, number % 1000, np.uint32),
        np.full(columns, T0 + number * NS),
    )


if __name__ == "__main__":
    descriptor, columns, rows = (int(argument) for argument in sys.argv[1:])
    writer = StoreWriter(columns, 1.0, rows)
    writer.attach(Memory(descriptor), 0, np.arange(columns))
    for number in range(1, 10_000_000):
        writer.add(row(columns, number))
        if number % BURST == 0:
            time.sleep(0.0005)
