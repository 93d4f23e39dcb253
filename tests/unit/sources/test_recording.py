"""The recording source."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import numpy as np
import pytest

from opcua_ai.core import status
from opcua_ai.core.errors import DataError
from opcua_ai.core.types import NS
from opcua_ai.sources.recording import Options, Source

CSV = "time,a,b,name\n0,1,1.5,x\n1,2,,x\n2,3,2.5,y\n"


async def play(options: Options, blocks: int):
    source = Source(options, "file")
    await source.connect()
    got, enough = [], asyncio.Event()

    def sink(samples):
        got.append(samples)
        if len(got) >= blocks:
            enough.set()

    task = asyncio.create_task(source.run(sink))
    await asyncio.wait_for(enough.wait(), 5)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    await source.close()
    return source, got


async def test_plays_rows_in_order_and_ends_bad(tmp_path):
    (tmp_path / "r.csv").write_text(CSV)
    source, got = await play(Options(file=tmp_path / "r.csv", speed=float("inf")), 4)
    assert [tag.path for tag in source.tags] == ["a", "b"]
    assert [block.value[0] for block in got[:3]] == [1, 2, 3]
    assert got[1].status.tolist() == [status.GOOD, status.BAD_NO_DATA]
    assert got[2].time.tolist() == [2 * NS, 2 * NS]
    assert set(got[3].status.tolist()) == {status.BAD_NO_DATA}


async def test_repeats_with_times_that_go_on(tmp_path):
    (tmp_path / "r.csv").write_text(CSV)
    options = Options(file=tmp_path / "r.csv", speed=float("inf"), repeat=True)
    _, got = await play(options, 7)
    assert np.diff([block.time[0] for block in got[:7]]).tolist() == [NS] * 6


async def test_parquet_with_timestamps(tmp_path):
    pa = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    moments = pa.array([1_000_000, 1_500_000], pa.timestamp("us"))
    table = pa.table({"t": moments, "on": [True, False]})
    parquet.write_table(table, tmp_path / "r.parquet")
    _, got = await play(Options(file=tmp_path / "r.parquet", time_column="t", speed=1000), 2)
    assert [block.time[0] for block in got[:2]] == [NS, NS * 3 // 2]
    assert [block.value[0] for block in got[:2]] == [1.0, 0.0]


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("gone.csv", None, "no such file"),
        ("r.txt", "x", "must be a .csv or .parquet"),
        ("r.csv", "a,b\n1,2\n", "no column 'time'; there is: a, b"),
        ("r.csv", "time,b\nx,2\n", "holds no times"),
        ("r.csv", "time,b\n1,x\n", "no rows of numbers"),
        ("r.csv", "time,b\n", "no rows of numbers|holds no times"),
        ("r.csv", "time,b\n,2\n1,3\n", "empty cells"),
        ("r.csv", "", "CSV"),
        ("r.parquet", "rubbish", "arquet"),
    ],
)
async def test_every_mistake_is_one_line(tmp_path, name, text, said):
    if text is not None:
        (tmp_path / name).write_text(text)
    with pytest.raises(DataError, match=said) as caught:
        await Source(Options(file=tmp_path / name), "file").connect()
    assert "\n" not in str(caught.value)
