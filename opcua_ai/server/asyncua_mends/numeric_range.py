"""IndexRange: a part of an array, string or byte string (Part 4, 7.27).

asyncua ignores it: who asks for one element gets the whole array.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from asyncua import ua
from asyncua.ua import uaerrors

_DIMENSION = re.compile(r"(\d+)(?::(\d+))?")


@dataclass(frozen=True)
class NumericRange:
    """One slice for each dimension."""

    slices: tuple[slice, ...]

    @classmethod
    def parse(cls, text: str | None) -> NumericRange | None:
        """None for no range. Raises BadIndexRangeInvalid."""
        if not text:
            return None
        return cls(tuple(_slice(part) for part in text.split(",")))

    def read(self, variant: ua.Variant) -> ua.Variant:
        """The part that lies in the range. Raises BadIndexRangeNoData when nothing does."""
        part = _cut(variant.Value, self.slices)
        return ua.Variant(part, variant.VariantType, is_array=isinstance(part, list))

    def write(self, current: ua.Variant, new: ua.Variant) -> ua.Variant:
        """``current`` with the range replaced.

        Raises BadIndexRangeNoData when it lies outside, BadIndexRangeDataMismatch when ``new`` has
        another size, BadTypeMismatch when it is of another type.
        """
        if new.VariantType != current.VariantType:
            raise uaerrors.BadTypeMismatch
        whole = _paste(current.Value, new.Value, self.slices)
        return ua.Variant(
            whole, current.VariantType, current.Dimensions, is_array=isinstance(whole, list)
        )


def _slice(text: str) -> slice:
    match = _DIMENSION.fullmatch(text)
    if match is None:
        raise uaerrors.BadIndexRangeInvalid
    first = int(match[1])
    if match[2] is None:
        return slice(first, first + 1)
    last = int(match[2])
    if last <= first:
        raise uaerrors.BadIndexRangeInvalid
    return slice(first, last + 1)


def _cut(value: Any, slices: tuple[slice, ...]) -> Any:
    if not isinstance(value, (list, tuple, str, bytes)):
        raise uaerrors.BadIndexRangeNoData
    part = value[slices[0]]
    if not part:
        raise uaerrors.BadIndexRangeNoData
    if isinstance(part, (str, bytes)):
        if slices[1:]:
            raise uaerrors.BadIndexRangeNoData
        return part
    return [_cut(inner, slices[1:]) for inner in part] if slices[1:] else list(part)


def _paste(value: Any, new: Any, slices: tuple[slice, ...]) -> Any:
    part = slices[0]
    if not isinstance(value, (list, tuple, str, bytes)) or part.stop > len(value):
        raise uaerrors.BadIndexRangeNoData
    if not isinstance(new, (list, tuple, str, bytes)) or len(new) != part.stop - part.start:
        raise uaerrors.BadIndexRangeDataMismatch
    if slices[1:]:
        inner = zip(value[part], new, strict=True)
        new = [_paste(old, replaced, slices[1:]) for old, replaced in inner]
    return value[: part.start] + type(value)(new) + value[part.stop :]  # type: ignore[operator]
