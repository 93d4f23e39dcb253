"""Which tags made the model say what it says.

Exact parts where the kind has them (``SelfExplaining``), else *partial occlusion*: the deviation of
one tag from its normal mean is made a tenth smaller and a tenth larger through the whole window;
the difference of the explained output is the weight of the tag, positive when the tag drives the
output up. For a quadratic statistic such as T2 these weights add up to the statistic itself
(Alcala and Qin 2011, "complete decomposition contribution").

Putting the tag wholly at its mean misleads: it breaks the tag's bond with its neighbours (a valve
and the flow behind it), the score *rises*, and healthy but tightly bound tags come out on top.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from opcua_ai.core.ports import Kind
from opcua_ai.core.types import Contribution, FloatArray
from opcua_ai.inference.kinds import PartlyCallable, SelfExplaining
from opcua_ai.inference.manifest import Manifest

TOP = 5
STEP = 0.1
"""Share of the deviation by which a tag is moved."""
CHUNK = 32
"""Windows explained at once: each becomes 2 * tags + 1 variants, which is a matter of memory."""


def explain(kind: Kind, manifest: Manifest, scaled: FloatArray) -> list[list[Contribution]]:
    """The ``TOP`` contributions per window of the scaled windows [batch, rows, tags]."""
    found: list[list[Contribution]] = []
    for start in range(0, len(scaled), CHUNK):
        windows = scaled[start : start + CHUNK]
        exact = isinstance(kind, SelfExplaining)
        raw = kind.parts(windows) if exact else partial_occlusion(kind, manifest, windows)
        for parts, window in zip(raw, windows, strict=True):
            found.append(strongest(manifest, parts, window[-1]))
    return found


def partial_occlusion(kind: Kind, manifest: Manifest, scaled: FloatArray) -> FloatArray:
    """Signed weight of each tag in the explained output [batch, tags]; one batch for all.

    For classes it is the probability of the likeliest class.
    """
    batch, rows, tags = scaled.shape
    variants = np.repeat(scaled[:, None], 2 * tags + 1, axis=1)
    for tag in range(tags):
        variants[:, tag, :, tag] *= 1.0 + STEP
        variants[:, tags + tag, :, tag] *= 1.0 - STEP
    output = _explained(kind, manifest.explained.name, variants.reshape(-1, rows, tags))
    output = output.reshape(batch, 2 * tags + 1, -1)
    best = output[:, -1].argmax(axis=-1)
    chosen = np.take_along_axis(output, best[:, None, None], axis=-1)[..., 0]
    return chosen[:, :tags] - chosen[:, tags : 2 * tags]


def _explained(kind: Kind, name: str, windows: FloatArray) -> FloatArray:
    if isinstance(kind, PartlyCallable):
        return kind.predict_output(name, windows)
    return kind.predict(windows)[name]


def strongest(manifest: Manifest, parts: FloatArray, newest: FloatArray) -> list[Contribution]:
    """The heaviest parts of one window [tags], as shares of the sum of all absolute parts.

    ``newest`` is the newest scaled row [tags], for the text.
    """
    total = float(np.abs(parts).sum())
    if not np.isfinite(total) or total == 0.0:
        return []
    order: Sequence[int] = np.argsort(-np.abs(parts), kind="stable")[:TOP].tolist()
    return [
        Contribution(
            tag=manifest.inputs[i].name,
            weight=float(parts[i]) / total,
            text=describe(manifest.inputs[i].name, manifest.inputs[i].description, newest[i]),
        )
        for i in order
        if parts[i] != 0.0
    ]


def describe(name: str, description: str, deviation: float) -> str:
    """``XMEAS(9) Reactor temperature 3.1 std above normal``."""
    side = "above" if deviation >= 0 else "below"
    return f"{' '.join((name, description)).strip()} {abs(deviation):.1f} std {side} normal"
