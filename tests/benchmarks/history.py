"""History: values per second of CPU, beside asyncua's SQLite history.

``blocks`` is a source's way in (arrays of a thousand values), ``single`` that of predictions, one
value at a time, the thread that writes included. asyncua's store gets the same values through its
own interface, without the subscription that it needs besides. CPU time of the whole process, so of
one core.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from asyncua import ua
from asyncua.server.history_sql import HistorySQLite

from opcua_ai.core.types import to_datetime
from opcua_ai.history.reader import Reader
from opcua_ai.history.recorder import MAX_WAITING, Recorder
from opcua_ai.server.history.encoding import history_data

SERIES, BLOCK = 200, 1000
NS = 1_000_000_000
START = 1_700_000_000 * NS
STEP = NS // 50  # 50 values a second and series


def measured() -> dict[str, dict[str, float]]:
    """Rows by store and way in."""
    found = {
        "blocks": _recorded(_put_blocks, 2_000_000),
        "single": _recorded(_put_singles, 500_000),
        "asyncua": asyncio.run(_asyncua(2_000)),
    }
    slowest = found["asyncua"]["values_per_cpu_s"]
    for row in found.values():
        row["ratio"] = row["values_per_cpu_s"] / slowest
    return found


def _recorded(put: Callable[[Recorder, list[int], int], None], count: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory(prefix="opcua-ai-bench-") as name:
        folder = Path(name)
        recorder = Recorder(folder, 1e9, 2**40)
        recorder.start()
        series = [recorder.series(f"series {n}", "Double") for n in range(SERIES)]
        wall, cpu = time.perf_counter(), time.process_time()
        for begin in range(0, count, MAX_WAITING // 2):
            put(recorder, series, begin)
            while recorder.health.written < begin:
                time.sleep(0.001)
        recorder.stop()
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        if recorder.health.dropped or recorder.health.written != count:
            raise SystemExit(f"dropped {recorder.health.dropped} of {count} values")
        size = (folder / "history.db").stat().st_size
        return {
            "values_per_cpu_s": count / cpu,
            "values_per_s": count / wall,
            "bytes_per_value": size / count,
            "read_1000_ms": _read_ms(folder),
        }


def _put_blocks(recorder: Recorder, series: list[int], begin: int) -> None:
    numbers = np.array(series)
    for first in range(begin, begin + MAX_WAITING // 2, BLOCK):
        at = np.arange(first, first + BLOCK)
        times = START + at // SERIES * STEP
        status = np.zeros(BLOCK, np.uint32)
        recorder.put_block(numbers[at % SERIES], times, status, at.astype(np.float64))


def _put_singles(recorder: Recorder, series: list[int], begin: int) -> None:
    for at in range(begin, begin + MAX_WAITING // 2):
        recorder.put(series[at % SERIES], START + at // SERIES * STEP, 0, float(at))


def _read_ms(folder: Path) -> float:
    """CPU for a thousand values of one series, from opening the file to the bytes that are sent:
    median of rounds."""
    rounds: list[float] = []
    for _ in range(9):
        before = time.process_time()
        with Reader(folder) as reader:
            series = reader.series("series 7")
            assert series is not None
            assert len(rows := reader.rows(series, limit=1000)) == 1000
            history_data(rows, "Double")
        rounds.append((time.process_time() - before) * 1e3)
    return float(np.median(rounds))


def _values(count: int) -> Iterator[tuple[int, ua.DataValue]]:
    now = datetime.now(UTC).replace(tzinfo=None)
    for at in range(count):
        value = ua.Variant(float(at), ua.VariantType.Double)
        # its store cannot read back times with a time zone
        source = to_datetime(START + at // SERIES * STEP).replace(tzinfo=None)
        yield at % SERIES, ua.DataValue(value, ua.StatusCode(), source, now)


async def _asyncua(count: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory(prefix="opcua-ai-bench-") as name:
        path = Path(name) / "history.db"
        store = HistorySQLite(str(path), max_history_data_response_size=10_000)
        await store.init()
        nodes = [ua.NodeId(number + 1, 2) for number in range(SERIES)]
        for node in nodes:
            await store.new_historized_node(node, None)
        values = list(_values(count))
        wall, cpu = time.perf_counter(), time.process_time()
        for number, value in values:
            await store.save_node_value(nodes[number], value)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        before = time.process_time()
        begin = to_datetime(START).replace(tzinfo=None)
        end = begin + timedelta(days=1)
        found, _ = await store.read_node_history(nodes[7], begin, end, 10_000)
        per_value = (time.process_time() - before) * 1e3 / len(found)
        await store.stop()
        return {
            "values_per_cpu_s": count / cpu,
            "values_per_s": count / wall,
            "bytes_per_value": path.stat().st_size / count,
            "read_1000_ms": per_value * 1000,
        }
