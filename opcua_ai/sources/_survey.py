"""What a server has below a browse root: one walk, then one description of every variable."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING

from asyncua import ua

from opcua_ai.core.errors import ConfigError
from opcua_ai.core.types import Samples, Tag, escape_name
from opcua_ai.sources import _browse, _tags
from opcua_ai.sources._decode import block
from opcua_ai.sources._nodeid import from_text, resolve
from opcua_ai.sources._session import Link, plain_errors

if TYPE_CHECKING:
    from opcua_ai.sources.opcua import Options

_log = logging.getLogger("opcua_ai.sources")


async def survey(link: Link, options: Options) -> list[_tags.Variable]:
    """The variables below ``options.browse_root`` that ``include`` and ``exclude`` leave, ordered
    by browse path.

    Raises ConfigError when there is no such root or nothing matches, AccessError or
    SourceLostError. A limit that cut the walk short is logged as a warning.
    """
    with plain_errors(link.endpoint):
        root = await _root(link, options.browse_root)
        walk = await _browse.walk(
            link.session, link.browse_chunks, root, options.max_depth, options.max_nodes
        )
        if walk.limit:
            _log.warning(
                "%s: more nodes than %s below %r: some tags are missing; set browse_root closer to "
                "the tags or raise the limit",
                link.endpoint,
                walk.limit,
                options.browse_root,
            )
        if walk.refused:
            _log.warning("%s: cannot browse %s", link.endpoint, ", ".join(walk.refused[:5]))
        return await _tags.describe(link, _selected(walk.nodes, options))


def _selected(nodes: Sequence[_browse.Node], options: Options) -> list[_browse.Node]:
    variables = [node for node in nodes if node.variable]
    selected = [node for node in variables if options.selects(node.path)]
    if variables and not selected:
        some = ", ".join(node.path for node in variables[:3])
        raise ConfigError(
            f"no variable below {options.browse_root!r} matches include = {options.include} "
            f"without exclude = {options.exclude}; found there: {some}, ..."
        )
    return selected


async def _root(link: Link, text: str) -> _browse.Node:
    if not text.startswith(("nsu=", "ns=", "i=")):
        return await _browse.find_root(link.session, link.browse_chunks, text)
    try:
        node_id = from_text(text, link.namespaces)
    except ValueError as error:
        raise ConfigError(f"browse_root: {error}") from error
    if node_id is None:
        uris = ", ".join(link.namespaces)
        raise ConfigError(f"browse_root {text!r}: the server has no such namespace; it has: {uris}")
    attributes = (
        ua.AttributeIds.BrowseName,
        ua.AttributeIds.DisplayName,
        ua.AttributeIds.NodeClass,
    )
    name, display, kind = await _tags.read(link, [(node_id, which) for which in attributes])
    if name.Value is None or not isinstance(name.Value.Value, ua.QualifiedName):
        raise ConfigError(f"browse_root {text!r}: the server has no such node")
    path = escape_name(str(name.Value.Value.Name))
    shown = display.Value.Value if display.Value is not None else None
    variable = kind.Value is not None and kind.Value.Value == ua.NodeClass.Variable
    label = shown.Text if isinstance(shown, ua.LocalizedText) and shown.Text else path
    return _browse.Node(path, node_id, label, variable, 0)


async def read_values(link: Link, tags: Sequence[Tag], columns: Sequence[int]) -> Samples:
    """The present values of some tags. Raises SourceLostError."""
    _, known = resolve(tags, columns, link.namespaces)
    wanted = [(node_id, ua.AttributeIds.Value) for node_id in known.values()]
    with plain_errors(link.endpoint):
        values = await _tags.read(link, wanted)
    return block([*known], values)


def numeric(found: Sequence[_tags.Variable], options: Options, name: str) -> list[_tags.Variable]:
    """The variables that can be tags. Raises ConfigError when there is none."""
    chosen = [variable for variable in found if variable.numeric]
    if not chosen:
        raise ConfigError(
            f"sources.{name}: there is no scalar number or boolean below {options.browse_root!r} "
            f"that include = {options.include} selects"
        )
    if left_out := len(found) - len(chosen):
        _log.info("source %s: %d variables are not scalar numbers: left out", name, left_out)
    return chosen
