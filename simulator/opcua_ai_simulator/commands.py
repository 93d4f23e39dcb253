"""What a client can do to any plant: speed, pause and the signal faults. Also checks its values."""

from __future__ import annotations

from collections.abc import Callable

from opcua_ai_simulator.errors import InvalidArgumentError, OutOfRangeError
from opcua_ai_simulator.misbehave import Misbehaviour
from opcua_ai_simulator.pace import MAX_SPEED, MIN_SPEED, Pace
from opcua_ai_simulator.plant import Argument, Command, Control, Scalar, ScalarType

_INTEGERS = {"Int32": (-(2**31), 2**31 - 1), "UInt32": (0, 2**32 - 1)}

_TAG = Argument("tag", "String", "Browse name of the tag, * for all")
_SPEEDS = f"{MIN_SPEED:g} to {MAX_SPEED:g}"
_ALL = "all plants of this server"
_SECONDS = Argument("seconds", "Double", "Wall time, 0 = until Normal()")


def coerce(value: object, wanted: ScalarType) -> Scalar:
    """A client's value as the stated type.

    Any integer type will do for an integer and any number for a Double, because many clients
    send what their language has; a value out of the type's range does not exist.
    """
    if wanted in _INTEGERS:
        if isinstance(value, bool) or not isinstance(value, int):
            raise InvalidArgumentError(f"{value!r} is no {wanted}")
        low, high = _INTEGERS[wanted]
        if not low <= value <= high:
            raise OutOfRangeError(f"{value} is out of range for {wanted}")
        return value
    if wanted == "Double" and isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    if (wanted == "Boolean" and isinstance(value, bool)) or (
        wanted == "String" and isinstance(value, str)
    ):
        return value
    raise InvalidArgumentError(f"{value!r} is no {wanted}")


def accept(control: Control, value: object) -> Scalar:
    """A client's value as the control's type and, where its values have names, one of these."""
    accepted = coerce(value, control.type)
    if control.states and accepted not in range(len(control.states)):
        raise OutOfRangeError(f"{accepted} is no state: choose 0 to {len(control.states) - 1}")
    return accepted


def pace_controls(pace: Pace, set_speed: Callable[[float], None]) -> tuple[Control, ...]:
    def run(running: bool) -> None:
        pace.resume() if running else pace.pause()

    return (
        Control(
            "Speed",
            "Double",
            f"Plant seconds per wall second, {_SPEEDS}; one for {_ALL}",
            lambda: pace.speed,
            set_speed,
        ),
        Control(
            "ReachedSpeed",
            "Double",
            "Plant seconds per wall second that this machine reaches; 0 while paused",
            lambda: pace.reached,
        ),
        Control(
            "Running", "Boolean", f"False while paused; one for {_ALL}", lambda: pace.running, run
        ),
    )


def pace_commands(pace: Pace, set_speed: Callable[[float], None]) -> tuple[Command, ...]:
    speed = Argument("speed", "Double", f"Plant seconds per wall second, {_SPEEDS}")
    return (
        Command("SetSpeed", f"Set the speed of {_ALL}", set_speed, (speed,)),
        Command("Pause", f"Stop {_ALL} at the row that the tags show", pace.pause),
        Command("Resume", f"Let {_ALL} go on after a pause", pace.resume),
    )


def misbehave_commands(
    signals: Misbehaviour, now: Callable[[], float], drop: Callable[[float], None]
) -> tuple[Command, ...]:
    """The methods of the object Misbehave; they act from the next row on."""

    def set_quality(tag: str, status: int, seconds: float) -> None:
        signals.set_quality(tag, status, seconds, now())

    def freeze(tag: str, seconds: float) -> None:
        signals.freeze(tag, seconds, now())

    def spikes(tag: str, probability: float, percent: float, seconds: float) -> None:
        signals.spikes(tag, probability, percent, seconds, now())

    return (
        Command(
            "DropConnections",
            "Close every connection and refuse new ones",
            drop,
            (Argument("seconds", "Double", "Wall time until connections are accepted again"),),
        ),
        Command(
            "SetQuality",
            "Send a tag with a status code; Bad ones come without a value",
            set_quality,
            (_TAG, Argument("statusCode", "UInt32", "0x808C0000 is BadSensorFailure"), _SECONDS),
        ),
        Command("Freeze", "Repeat the value that the tag shows", freeze, (_TAG, _SECONDS)),
        Command(
            "Spikes",
            "Throw single values off, up or down",
            spikes,
            (
                _TAG,
                Argument("probability", "Double", "Of each value, 0 to 1"),
                Argument("magnitudePercent", "Double", "Of the tag's EURange"),
                _SECONDS,
            ),
        ),
        Command(
            "Jitter",
            "Shift each tag's source time at random; it may then run backwards",
            signals.jitter,
            (Argument("seconds", "Double", "Largest shift in plant time, 0 = off"),),
        ),
        Command("Normal", "End every signal fault", signals.normal),
    )
