"""Ten thousand predictions at one start, and what that takes beside plain asyncua."""

from __future__ import annotations

import gc
import time
from typing import Any

import asyncua
import pytest

from opcua_ai.core.resources import nodesets_dir
from opcua_ai.server.advisory import NAMESPACE, NODESETS
from opcua_ai.server.instances import collector_paused
from opcua_ai.server.tree import PREDICTION_TYPE

pytestmark = pytest.mark.asyncio(loop_scope="session")

ASSETS, OUTPUTS, PLAIN = 100, 100, 20


async def plain_seconds_each() -> float:
    """One prediction made by asyncua's own ``instantiate``."""
    server = asyncua.Server()
    await server.init()
    for name in NODESETS:
        await server.import_xml(nodesets_dir() / name, auto_load_definitions=False)
    index = await server.get_namespace_index(NAMESPACE)
    folder = await server.nodes.objects.add_folder(index, "predictions")
    start = time.process_time()
    for number in range(PLAIN):
        await folder.add_object(index, f"out{number}", f"ns={index};i={PREDICTION_TYPE}")
    return (time.process_time() - start) / PLAIN


async def test_ten_thousand_predictions(settings: Any, running: Any, model: Any) -> None:
    plain_s = await plain_seconds_each()
    start = time.process_time()
    async with running(settings(), model(assets=ASSETS, more=OUTPUTS - 2)) as server:
        each_s = (time.process_time() - start) / (ASSETS * OUTPUTS)
        assert len(server._tree.predictions) == ASSETS * OUTPUTS
    del server
    gc.collect()  # not in a later test that measures time
    # measured: 20 to 40 times; the whole start is in the numerator
    assert each_s * 5 < plain_s


async def test_the_collector_is_back_after_an_error() -> None:
    with pytest.raises(ValueError, match="on purpose"), collector_paused():
        assert not gc.isenabled()
        raise ValueError("on purpose")
    assert gc.isenabled()
