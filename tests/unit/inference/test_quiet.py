"""TensorFlow's start-up noise goes to the log; everything else reaches standard error."""

import logging
import os

import pytest

from opcua_ai.inference.quiet import quiet_stderr

NOISE = b"2026-01-01 10:00:00.123456: I tensorflow/core/x.cc:1] oneDNN custom operations are on\n"


def test_noise_is_logged_and_the_rest_is_passed_on(
    capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG), quiet_stderr():
        os.write(2, NOISE)
        os.write(2, b"disk full\n")
    assert capfd.readouterr().err == "disk full\n"
    assert "oneDNN" in caplog.text


def test_after_an_exception_everything_is_shown(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ValueError), quiet_stderr():
        os.write(2, NOISE)
        raise ValueError
    assert "oneDNN" in capfd.readouterr().err


def test_it_may_be_nested(capfd: pytest.CaptureFixture[str]) -> None:
    with quiet_stderr(), quiet_stderr():
        os.write(2, b"hello\n")
    assert capfd.readouterr().err == "hello\n"
