"""Data files of the product: ``models/`` and ``nodesets/``.

In a checkout they lie beside the package, in a wheel under ``opcua_ai/_data``.
"""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parents[1]


def data_dir(kind: str) -> Path:
    """Folder ``models`` or ``nodesets`` of this installation."""
    for base in (_PACKAGE / "_data", _PACKAGE.parent):
        if (base / kind).is_dir():
            return base / kind
    raise FileNotFoundError(f"opcua-ai is not completely installed: no folder {kind!r}")


def models_dir() -> Path:
    return data_dir("models")


def nodesets_dir() -> Path:
    return data_dir("nodesets")
