"""Every file in sources/ keeps the contract of a source, without being named here.

A plug-in module defines ``Options`` with a literal ``kind``, ``Source``, and ``EXAMPLE``: the table
of a source that cannot be reached. It may define ``sample_options(folder)``: a table of one that
can be read without a plant, whose samples are then checked too.
"""

import asyncio
import gc
import inspect
from contextlib import suppress
from typing import get_args

import numpy as np
import pytest
from pydantic import ValidationError

from opcua_ai.core import plugins
from opcua_ai.core import ports as core_ports
from opcua_ai.core.config import Strict
from opcua_ai.core.errors import OpcuaAiError
from opcua_ai.core.ports import SourceState, SourceStats

SOURCES = plugins.names("sources")
LIVE = [name for name in SOURCES if hasattr(plugins.load("sources", name), "sample_options")]


def build(name: str, table: dict | None = None) -> core_ports.Source:
    module = plugins.load("sources", name)
    options = module.Options.model_validate(module.EXAMPLE if table is None else table)
    return module.Source(options, "trial")


def test_there_are_sources() -> None:
    assert {"opcua", "recording"} <= set(SOURCES)


@pytest.mark.parametrize("name", SOURCES)
def test_options_name_their_kind_and_forbid_unknown_keys(name: str) -> None:
    module = plugins.load("sources", name)
    assert issubclass(module.Options, Strict)
    assert get_args(module.Options.model_fields["kind"].annotation) == (name,)
    with pytest.raises(ValidationError, match="nonsense"):
        module.Options.model_validate({**module.EXAMPLE, "nonsense": 1})


@pytest.mark.parametrize("name", SOURCES)
def test_members_have_the_signatures_of_the_protocol(name: str) -> None:
    source = build(name)
    assert isinstance(source.state, SourceState)
    assert isinstance(source.stats, SourceStats)
    assert len(source.tags) == 0
    for method in ("connect", "run", "reconfigure", "close"):
        mine, wanted = getattr(type(source), method), getattr(core_ports.Source, method)
        assert inspect.iscoroutinefunction(mine)
        assert [*inspect.signature(mine).parameters] == [*inspect.signature(wanted).parameters]


@pytest.mark.parametrize("name", SOURCES)
async def test_close_is_safe_before_connect_and_twice(name: str) -> None:
    source = build(name)
    await source.close()
    await source.close()
    assert source.state is SourceState.STOPPED


@pytest.mark.parametrize("name", SOURCES)
async def test_what_cannot_be_reached_is_one_clear_error_and_leaves_nothing(name: str) -> None:
    source = build(name)
    before = asyncio.all_tasks()
    with pytest.raises(OpcuaAiError) as caught:
        await asyncio.wait_for(source.connect(), 10)
    assert "\n" not in str(caught.value).strip()
    assert source.state in (SourceState.LOST, SourceState.STOPPED)
    await source.close()
    await asyncio.sleep(0)
    assert asyncio.all_tasks() == before
    gc.collect()  # an open socket would warn now, and warnings are errors


@pytest.mark.parametrize("name", LIVE)
async def test_samples_are_consistent(name: str, tmp_path) -> None:
    source = build(name, plugins.load("sources", name).sample_options(tmp_path))
    await source.connect()
    assert source.tags
    assert len({tag.path for tag in source.tags}) == len(source.tags)
    blocks, first = [], asyncio.Event()

    def sink(samples) -> None:
        blocks.append(samples)
        first.set()

    task = asyncio.create_task(source.run(sink))
    await asyncio.wait_for(first.wait(), 10)
    assert source.state is SourceState.RUNNING
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    await source.close()
    for block in blocks:
        dtypes = [a.dtype for a in (block.column, block.value, block.status, block.time)]
        assert dtypes == [np.int32, np.float64, np.uint32, np.int64]
        assert len({len(block.column), len(block.value), len(block.status), len(block.time)}) == 1
        assert block.column.min() >= 0
        assert block.column.max() < len(source.tags)
        assert (block.time > 0).all()
        unusable = np.isnan(block.value)
        assert (block.status[unusable] & 0x80000000 != 0).all(), "NaN must not be Good"
    assert source.stats.values >= len(blocks[0].column)
