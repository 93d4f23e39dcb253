"""Ways to spoil a message; all of them from one seeded generator."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

_LENGTHS = (0, 1, 2, 255, 65535, 65536, 2**31 - 1, 2**31, 2**32 - 1, 2**32 - 4, 2**32 - 8)
_BYTES = (0, 1, 0x3F, 0x40, 0x7F, 0x80, 0xC0, 0xFF)


class Mutator:
    def __init__(self, seed: int, corpus: Sequence[bytes]) -> None:
        self.random = Random(seed)  # noqa: S311
        self._corpus = corpus

    def __call__(self, message: bytes) -> bytes:
        """One to four changes. Mostly the size in the header is made right again, so that the
        message is taken for whole."""
        spoiled = bytearray(message)
        for _ in range(self.random.randint(1, 4)):
            self.random.choice(_CHANGES)(self, spoiled)
        if len(spoiled) >= 8 and self.random.random() < 0.9:
            spoiled[4:8] = len(spoiled).to_bytes(4, "little")
        return bytes(spoiled)

    def _at(self, message: bytearray) -> int:
        """A place, seldom in the headers: those are refused early."""
        start = 0 if self.random.random() < 0.1 else min(24, len(message))
        return self.random.randint(start, len(message))

    def flip(self, message: bytearray) -> None:
        if message:
            at = min(self._at(message), len(message) - 1)
            message[at] ^= 1 << self.random.randrange(8)

    def set_byte(self, message: bytearray) -> None:
        if message:
            message[min(self._at(message), len(message) - 1)] = self.random.choice(_BYTES)

    def set_length(self, message: bytearray) -> None:
        at = self._at(message)
        message[at : at + 4] = self.random.choice(_LENGTHS).to_bytes(4, "little")

    def promise(self, message: bytearray) -> None:
        """A list of two thousand million strings, the first of a length that leads back."""
        at = self._at(message)
        message[at : at + 8] = (2**31 - 1).to_bytes(4, "little") + (2**32 - 4).to_bytes(4, "little")

    def cut(self, message: bytearray) -> None:
        at = self._at(message)
        del message[at : at + self.random.randint(1, 16)]

    def end(self, message: bytearray) -> None:
        del message[self._at(message) :]

    def insert(self, message: bytearray) -> None:
        at = self._at(message)
        message[at:at] = self.random.randbytes(self.random.randint(1, 16))

    def splice(self, message: bytearray) -> None:
        other = self.random.choice(self._corpus)
        message[self._at(message) :] = other[self.random.randrange(len(other)) :]

    def repeat(self, message: bytearray) -> None:
        at = self._at(message)
        message[at:at] = message[at : at + 64] * self.random.randint(1, 50)


_CHANGES = (
    Mutator.flip,
    Mutator.set_byte,
    Mutator.set_length,
    Mutator.promise,
    Mutator.cut,
    Mutator.end,
    Mutator.insert,
    Mutator.splice,
    Mutator.repeat,
)
