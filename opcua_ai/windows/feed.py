"""The window stores of one source."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Generic, TypeVar

from opcua_ai.core.types import Samples
from opcua_ai.windows.store import WindowStore

Store_co = TypeVar("Store_co", bound=WindowStore, covariant=True)


class Feed(Generic[Store_co]):
    """The sink of one source: hands each block of samples to every window store on it."""

    def __init__(self, make: Callable[[int, float, int], Store_co]) -> None:
        """``make`` a store for so many columns, with this period in seconds and so many rows."""
        self._make = make
        self._stores: dict[tuple[float, int], Store_co] = {}

    def __call__(self, samples: Samples) -> None:
        for store in self._stores.values():
            store.add(samples)

    @property
    def stores(self) -> Iterable[Store_co]:
        return self._stores.values()

    def grow(self, columns: int) -> None:
        """Make room for more tags of the source, behind those that there are."""
        for store in self._stores.values():
            if columns > store.columns:
                store.grow(columns)

    def store(self, columns: int, period_s: float, rows: int) -> Store_co:
        """The store with this period and length; models that agree on both share it."""
        key = period_s, rows
        if key not in self._stores:
            self._stores[key] = self._make(columns, period_s, rows)
        return self._stores[key]
