"""A product to reload, and two plants that count upwards."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.integration.plant_server import Plant, running
from tests.integration.reload.product import Product
from tests.integration.watched import counting


@pytest.fixture
def product(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Product:
    return Product(tmp_path, monkeypatch)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def plants() -> AsyncIterator[tuple[Plant, Plant]]:
    async with running() as one, running() as two, counting(one), counting(two):
        yield one, two
