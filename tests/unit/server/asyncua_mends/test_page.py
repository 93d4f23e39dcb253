"""docs/reference/asyncua-mends.md names every mend, and asyncua is pinned."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[4]
PAGE = ROOT / "docs/reference/asyncua-mends.md"


def test_every_mend_is_on_the_page_and_says_whether_it_could_go_upstream() -> None:
    rows = re.findall(r"^\| `(\w+)` \|.*\| (yes|in parts|no)\b[^|]*\|$", PAGE.read_text(), re.M)
    mends = {path.stem for path in (ROOT / "opcua_ai/server/asyncua_mends").glob("*.py")}
    assert {name for name, _ in rows} == mends - {"__init__"}


def test_asyncua_is_pinned() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert "asyncua==2.1.0" in project["dependencies"]
