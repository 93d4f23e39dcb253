"""What can go wrong in a simulated plant; every message says what to do about it.

SimulatorError
 +-- ConfigurationError     whoever started the simulator has to change an option or a file
 +-- InvalidArgumentError   a client sent something of the wrong kind  (BadInvalidArgument)
 +-- OutOfRangeError        a client sent a value that does not exist  (BadOutOfRange)
 +-- InvalidStateError      a client wants what the plant does not allow now  (BadInvalidState)
"""


class SimulatorError(Exception):
    """Root of every error that the simulator raises on purpose."""


class ConfigurationError(SimulatorError):
    """An option or a file is wrong; the message is one line and names both."""


class InvalidArgumentError(SimulatorError):
    """A client's argument or value has the wrong type."""


class OutOfRangeError(SimulatorError):
    """A client's argument or value is of the right type but not allowed."""


class InvalidStateError(SimulatorError):
    """What a client wants is not possible in the plant's present state."""
