"""The two file formats; the same columns give the same bytes."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Table = Mapping[str, NDArray[Any]]
ABOUT = "run"  # the key of the JSON text, in the Parquet schema and in the npz


def encode(format: str, table: Table, about: Mapping[str, Any]) -> bytes:
    """A whole file, ``parquet`` or ``npz``."""
    text = json.dumps(about, ensure_ascii=False)
    return (_parquet if format == "parquet" else _npz)(table, text)


def read_about(path: Path) -> dict[str, Any]:
    """What ``encode`` was told about a run."""
    if path.suffix == ".npz":
        with np.load(path) as file:
            return json.loads(str(file[ABOUT]))
    from pyarrow import parquet

    return json.loads(parquet.read_schema(path).metadata[ABOUT.encode()])


def write(path: Path, content: bytes) -> None:
    """Whole or not at all."""
    draft = path.with_name(f".{path.name}.tmp")
    draft.write_bytes(content)
    os.replace(draft, path)


def clean(folder: Path) -> None:
    """Remove what a kill has left half written."""
    for draft in folder.glob(".*.tmp"):
        draft.unlink()


def _parquet(table: Table, about: str) -> bytes:
    import pyarrow as pa
    from pyarrow import parquet

    arrow = pa.table({name: pa.array(column) for name, column in table.items()})
    measured = [name for name, column in table.items() if column.dtype == np.float32]
    stream = io.BytesIO()
    parquet.write_table(
        arrow.replace_schema_metadata({ABOUT: about}),
        stream,
        compression="zstd",
        use_dictionary=False,
        # With the bytes of a float apart, a file is a quarter smaller.
        column_encoding=dict.fromkeys(measured, "BYTE_STREAM_SPLIT"),
    )
    return stream.getvalue()


def _npz(table: Table, about: str) -> bytes:
    stream = io.BytesIO()
    arrays: dict[str, Any] = {**table, ABOUT: np.array(about)}
    np.savez_compressed(stream, **arrays)
    return stream.getvalue()
