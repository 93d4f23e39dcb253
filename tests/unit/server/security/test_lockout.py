"""Lock-out after failed logins."""

from __future__ import annotations

from opcua_ai.server.security.lockout import Lockout


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def fail(lockout: Lockout, times: int, key: str = "op") -> list[bool]:
    return [lockout.failed(key) for _ in range(times)]


def test_locked_after_the_limit_and_open_again_later() -> None:
    clock = Clock()
    lockout = Lockout(3, clock)
    assert fail(lockout, 2) == [False, False]
    assert not lockout.locked("op")
    assert fail(lockout, 1) == [True]
    assert lockout.locked("op")
    assert not lockout.locked("other")
    clock.now += 60
    assert not lockout.locked("op")


def test_each_lock_is_twice_as_long_up_to_a_limit() -> None:
    clock = Clock()
    lockout = Lockout(1, clock)
    lengths = []
    for _ in range(6):
        lockout.failed("op")
        start = clock.now
        while lockout.locked("op"):
            clock.now += 1
        lengths.append(clock.now - start)
    assert lengths == [60, 120, 240, 480, 900, 900]


def test_success_forgets_the_failures() -> None:
    lockout = Lockout(3, Clock())
    fail(lockout, 2)
    lockout.succeeded("op")
    assert fail(lockout, 2) == [False, False]


def test_old_failures_do_not_count() -> None:
    clock = Clock()
    lockout = Lockout(3, clock)
    fail(lockout, 2)
    clock.now += 901
    assert fail(lockout, 2) == [False, False]


def test_memory_is_bounded() -> None:
    lockout = Lockout(3, Clock())
    for number in range(20_000):
        lockout.failed(str(number))
    assert len(lockout._records) == 10_000
