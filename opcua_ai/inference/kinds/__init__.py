"""One file per model kind. A kind module defines

``load(folder, manifest) -> Kind``
    opens the model file of a bundle whose sha256 sums have been checked;
``sample_bundle(folder) -> Path``
    writes a tiny bundle of this kind below ``folder`` and returns where, for the contract test.

A kind that knows more than its outputs also offers the methods of ``SelfExplaining``, one that can
compute a single output more cheaply that of ``PartlyCallable``.
"""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from opcua_ai.core.types import FloatArray


@runtime_checkable
class SelfExplaining(Protocol):
    """A kind whose outputs split exactly into one part per input."""

    def parts(self, windows: FloatArray) -> FloatArray:
        """Scaled windows [batch, rows, tags] -> part of each tag [batch, tags] in the explained
        output, in its unit; the parts are zero for an input at its training mean."""
        ...

    def slopes(self) -> dict[str, tuple[float, float]]:
        """Tag -> (change of the output per unit of the tag, its standard error)."""
        ...


@runtime_checkable
class PartlyCallable(Protocol):
    """A kind that can compute one output alone, cheaper than all of them."""

    def predict_output(self, name: str, windows: FloatArray) -> FloatArray:
        """Scaled windows [batch, rows, tags] -> that output [batch, width]."""
        ...
