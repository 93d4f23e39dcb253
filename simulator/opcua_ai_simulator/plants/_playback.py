"""A cursor over the rows of a recording that starts again at the end."""

from __future__ import annotations

import numpy as np

from opcua_ai_simulator.arrays import FloatArray
from opcua_ai_simulator.errors import OutOfRangeError


class Playback:
    """Rows of values in order.

    ``values`` is float64[rows, n]; ``gaps`` is float64[rows], the plant seconds (> 0) from a row
    to the one after it, the last one leading back to row 0.
    """

    def __init__(self, values: FloatArray, gaps: FloatArray, start_row: int = 0) -> None:
        self._values = values
        self._gaps = gaps
        self._row = self._next = self._checked(start_row)
        self._gap = float(gaps[start_row])

    @property
    def rows(self) -> int:
        return len(self._values)

    @property
    def row(self) -> int:
        """The row that ``step`` gave last; before it or after a jump the row it will give."""
        return self._row

    @property
    def period(self) -> float:
        return self._gap

    def step(self) -> FloatArray:
        self._row = self._next
        self._next = (self._row + 1) % self.rows
        self._gap = float(self._gaps[self._row])
        return self._values[self._row]

    def jump(self, row: int) -> None:
        """Go on at ``row`` with the next step, which comes when it would have come anyway."""
        self._row = self._next = self._checked(row)

    def _checked(self, row: int) -> int:
        if not 0 <= row < self.rows:
            raise OutOfRangeError(f"row {row} does not exist: choose 0 to {self.rows - 1}")
        return row


def printed_digits(values: np.ndarray[tuple[int, ...], np.dtype[np.float32]]) -> FloatArray:
    """The float64 of the five significant digits that a float32 was rounded from.

    The shipped arrays are float32 to be small; the published files print five digits, which
    float32 holds. For values below 1e5 the scale is an exact power of ten, so the quotient is
    the very float64 that reading the printed text gives.
    """
    wide = values.astype(np.float64)
    size = np.abs(wide)
    exponent = np.floor(np.log10(np.where(size > 0, size, 1.0)))
    scale = 10.0 ** (4 - exponent)
    return np.rint(wide * scale) / scale
