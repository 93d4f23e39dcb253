"""Other tags for a source that runs: who stays, who goes, who comes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from opcua_ai.core.errors import OpcuaAiError, SourceLostError
from opcua_ai.core.ports import Retagged
from opcua_ai.core.types import VACANT, Tag
from opcua_ai.sources._session import Link
from opcua_ai.sources._survey import numeric, survey

if TYPE_CHECKING:
    from opcua_ai.sources._options import Options
    from opcua_ai.sources._tags import Variable

_log = logging.getLogger("opcua_ai.sources")

CHOICE = frozenset({"browse_root", "include", "exclude", "max_nodes", "max_depth"})
"""The options that only choose tags."""
RETRY_S = 5.0

Rearrange = Callable[["Sequence[Variable]", Retagged], Awaitable[None]]
"""Makes these variables, and no others, the tags. Raises SourceLostError."""


@dataclass(frozen=True, slots=True, eq=False)
class Wish:
    options: Options
    retagged: Retagged


class Retagging:
    """Lives as long as the source: a wish that an outage interrupts is granted after it."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._wish: Wish | None = None
        self._wished = asyncio.Event()

    def wish(self, options: Options, retagged: Retagged) -> None:
        """In place of an earlier one that is not granted yet."""
        self._wish = Wish(options, retagged)
        self._wished.set()

    async def run(self, link: Link, rearrange: Rearrange) -> None:
        """Grant wishes over this link, until cancelled. Ends no stream: a link that is really lost
        is noticed by others."""
        while True:
            await self._wished.wait()
            wish = self._wish
            if wish is not None and not await self._grant(wish, link, rearrange):
                await asyncio.sleep(RETRY_S)
            elif wish is self._wish:
                self._wished.clear()

    async def _grant(self, wish: Wish, link: Link, rearrange: Rearrange) -> bool:
        """False: not now."""
        try:
            found = await survey(link, wish.options)
            await rearrange(numeric(found, wish.options, self._name), wish.retagged)
        except SourceLostError as error:
            _log.warning("source %s: other tags are not there yet: %s", self._name, error)
            return False
        except OpcuaAiError as error:
            _log.error("source %s: its tags stay as they are: %s", self._name, error)
        return True


def only_tags_differ(old: Options, new: Options) -> bool:
    """Whether two configurations of a source differ in nothing but the choice of tags."""
    return old.model_dump(exclude={*CHOICE}) == new.model_dump(exclude={*CHOICE})


def arrange(tags: Sequence[Tag], found: Sequence[Tag]) -> list[Tag]:
    """The tags by column: those that are found stay where they were, new ones come behind, and
    VACANT takes the place of one that is gone."""
    column_of = {(tag.path, tag.node_id): column for column, tag in enumerate(tags)}
    arranged = [VACANT] * len(tags)
    for tag in found:
        column = column_of.get((tag.path, tag.node_id))
        if column is None:
            arranged.append(tag)
        else:
            arranged[column] = tag
    return arranged
