"""Ctrl-C that is not lost."""

import os
import signal
import threading

import pytest

from opcua_ai.training.interrupt import ctrl_c_asks


def press() -> None:
    os.kill(os.getpid(), signal.SIGINT)


def test_it_is_answered_at_the_next_check_wherever_it_was_pressed() -> None:
    class Finaliser:
        def __del__(self) -> None:
            press()  # Python ignores exceptions here: a KeyboardInterrupt would be lost

    with ctrl_c_asks() as check:
        check()
        Finaliser()
        with pytest.raises(KeyboardInterrupt):
            check()


def test_the_second_one_does_not_wait() -> None:
    with ctrl_c_asks():
        press()
        with pytest.raises(KeyboardInterrupt):
            press()


def test_the_former_handler_comes_back() -> None:
    before = signal.getsignal(signal.SIGINT)
    with ctrl_c_asks():
        assert signal.getsignal(signal.SIGINT) is not before
    assert signal.getsignal(signal.SIGINT) is before


def test_another_thread_is_left_alone() -> None:
    done: list[bool] = []

    def work() -> None:
        with ctrl_c_asks() as check:
            check()
            done.append(True)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert done == [True]
