"""Which tags stay, go and come."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from opcua_ai.core.errors import ConfigError, SourceLostError
from opcua_ai.core.ports import SourceStats
from opcua_ai.core.types import VACANT, Tag
from opcua_ai.sources import _retag
from opcua_ai.sources._gaps import Gaps
from opcua_ai.sources._options import Options
from opcua_ai.sources._retag import Retagging, arrange, only_tags_differ
from tests.unit.sources.test_gaps import samples

A, B, C = (Tag(name, f"nsu=urn:p;s={name}") for name in "ABC")
URL = "opc.tcp://127.0.0.1:9/x"


def test_tags_keep_their_columns():
    assert arrange([A, B], [A, B]) == [A, B]
    assert arrange([A, B], [B, C]) == [VACANT, B, C]
    assert arrange([VACANT, B, C], [A, C]) == [VACANT, VACANT, C, A]
    with_unit = Tag(B.path, B.node_id, unit="K")
    assert arrange([A, B], [with_unit, A]) == [A, with_unit]
    assert arrange([A], [Tag("A", "nsu=urn:p;s=other")])[0] is VACANT, "another node"


@pytest.mark.parametrize(
    ("changed", "only_tags"),
    [
        ({"include": ["*/T1"]}, True),
        ({"browse_root": "Line1", "max_nodes": 5, "max_depth": 2, "exclude": ["x"]}, True),
        ({"endpoint": "opc.tcp://127.0.0.1:10/x"}, False),
        ({"sampling_interval_ms": 1}, False),
        ({"user": "anna", "password_env": "ANNA", "include": ["*/T1"]}, False),
    ],
)
def test_which_options_only_choose_tags(changed, only_tags):
    old, new = Options(endpoint=URL), Options.model_validate({"endpoint": URL} | changed)
    assert only_tags_differ(old, new) is only_tags


async def test_a_wish_is_granted_once_tried_again_and_given_up_when_it_is_wrong(monkeypatch):
    monkeypatch.setattr(_retag, "RETRY_S", 0)
    monkeypatch.setattr(_retag, "numeric", lambda found, options, name: found)
    answers = [SourceLostError("x: the server answered BadTimeout"), [A], ConfigError("no root")]
    asked, arranged = asyncio.Event(), []

    async def survey(link, options):
        answer = answers.pop(0)
        if not answers:
            asked.set()
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def rearrange(found, retagged):
        arranged.append(found)
        retagging.wish(Options(endpoint=URL), retagged)  # a wish that comes meanwhile

    monkeypatch.setattr(_retag, "survey", survey)
    retagging = Retagging("plant")
    retagging.wish(Options(endpoint=URL), None)
    task = asyncio.create_task(retagging.run(None, rearrange))
    async with asyncio.timeout(5):
        await asked.wait()
    await asyncio.sleep(0)
    assert arranged == [[A]]
    assert not task.done()
    task.cancel()


def test_gaps_follow_the_tags():
    gaps = Gaps(2, SourceStats())
    gaps.note(samples((0, 1.0, 0, 1), (1, 2.0, 0, 2)))
    gaps.lose()
    gaps.follow(np.array([True, False, False]))
    assert gaps.waiting.tolist() == [1], "nobody waits for a tag that is gone"
    assert gaps.value.tolist()[1] == 2.0
    gaps.note(samples((2, 5.0, 0, 5), (1, 3.0, 0, 6)))
    assert gaps.take().column.tolist() == [1]
    gaps.lose()
    assert gaps.waiting.tolist() == [1, 2]
