"""OPC UA status codes that opcua-ai itself sets (Part 4, 7.39; Part 8, 6.3), as plain integers.

The two top bits are the severity: 00 Good, 01 Uncertain, 10 Bad. The ground floor does not import
asyncua, so the numbers stand here; a test compares them with asyncua's table.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

GOOD = 0x00000000
GOOD_NO_DATA = 0x00A50000
UNCERTAIN = 0x40000000
UNCERTAIN_LAST_USABLE_VALUE = 0x40900000
UNCERTAIN_SUB_NORMAL = 0x40950000
UNCERTAIN_DATA_SUB_NORMAL = 0x40A40000
BAD = 0x80000000
BAD_WAITING_FOR_INITIAL_DATA = 0x80320000
BAD_NO_COMMUNICATION = 0x80310000
BAD_NODE_ID_UNKNOWN = 0x80340000
BAD_OUT_OF_RANGE = 0x803C0000
BAD_NO_DATA = 0x809B0000
BAD_BOUND_NOT_FOUND = 0x80D70000
BAD_TYPE_MISMATCH = 0x80740000
BAD_OUT_OF_SERVICE = 0x808D0000

_NAMES = {value: name for name, value in list(globals().items()) if isinstance(value, int)}


def is_good(status: int) -> bool:
    return status & 0xC0000000 == GOOD


def is_bad(status: int) -> bool:
    """Severity 10; the reserved severity 11 counts as Bad too (Part 4, 7.39)."""
    return bool(status & BAD)


def good_mask(status: NDArray[np.uint32]) -> NDArray[np.bool_]:
    return (status & np.uint32(0xC0000000)) == GOOD


def bad_mask(status: NDArray[np.uint32]) -> NDArray[np.bool_]:
    return (status & np.uint32(BAD)) != 0


def overflow_mask(status: NDArray[np.uint32]) -> NDArray[np.bool_]:
    """InfoType DataValue with the Overflow bit (Part 4, 7.39.1): the server has dropped older
    values of this item."""
    return (status & np.uint32(0xC80)) == 0x480


def severity_name(status: int) -> str:
    """Good, Uncertain or Bad."""
    return "Bad" if is_bad(status) else "Good" if is_good(status) else "Uncertain"


def name(status: int) -> str:
    """``BadNoCommunication`` for the codes of this module, else severity and number."""
    known = _NAMES.get(status & 0xFFFF0000)
    if known is None:
        return f"{severity_name(status)} 0x{status:08X}"
    return "".join(part.capitalize() for part in known.split("_"))
