"""Every error that opcua-ai raises on purpose; each class says who has to act.

OpcuaAiError
├── ConfigError       the person who writes the configuration file (exit code 2)
├── BundleError       the person who trains or installs the model bundle (exit code 2)
├── DataError         the person who supplies the training or recorded data (exit code 2)
├── AccessError       the person who holds the credentials or certificates (exit code 2)
├── AddressInUseError the person who starts the process (exit code 2)
├── HistoryError      the person who keeps the disk of the history (exit code 2)
│   └── HistoryInUseError  the person who starts a second process on the same history
├── SourceLostError   nobody at once: the source reconnects by itself
└── NodeSetError      us: a NodeSet2 file that ships with the product does not load (exit code 2)
"""

from __future__ import annotations

EXIT_OK = 0
EXIT_UNEXPECTED = 1
EXIT_USAGE = 2


class OpcuaAiError(Exception):
    """Root of all errors of opcua-ai. The message is one line that says what to do."""

    exit_code = EXIT_USAGE


class ConfigError(OpcuaAiError):
    """The configuration is wrong; the message names file, key, value and what is allowed."""


class BundleError(OpcuaAiError):
    """A model bundle is missing, incomplete, tampered with or does not fit its inputs."""


class DataError(OpcuaAiError):
    """Training or recorded data cannot be used; the message names the file and the column."""


class AccessError(OpcuaAiError):
    """A server refused the user, password, certificate or security policy."""


class AddressInUseError(OpcuaAiError):
    """The endpoint that the server should listen on is taken."""


class HistoryError(OpcuaAiError):
    """The history store cannot be opened, written or read; the message names the file."""


class HistoryInUseError(HistoryError):
    """Another process writes the history in this folder."""


class SourceLostError(OpcuaAiError):
    """A source cannot be reached now; it is tried again with back-off."""


class NodeSetError(OpcuaAiError):
    """A NodeSet2 file of the product does not load."""
