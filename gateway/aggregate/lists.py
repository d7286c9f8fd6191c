"""The lists of all servers, each read on its own: a server that fails, or is too slow, lacks only its own items."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from mcp.server.context import ServerRequestContext

from gateway.aggregate.asks import Asks
from gateway.aggregate.rewriting import with_rewriting_channels
from gateway.call import endpoint
from gateway.sdk.tool_list import NO_CACHE
from gateway.server import Server

Context = ServerRequestContext[Any, Any]
Item = dict[str, Any]
Owned = tuple[Server, Item]
MAX_PAGES = 100
MAX_ITEMS = 10_000
"""Bounds of one list of one server. What is beyond is left out."""

FIELDS: Mapping[str, tuple[str, str]] = {
    "tools/list": ("tools", "name"),
    "prompts/list": ("prompts", "name"),
    "resources/list": ("resources", "uri"),
    "resources/templates/list": ("resourceTemplates", "uriTemplate"),
    "tasks/list": ("tasks", "taskId"),
}
"""The field of the result that has the items, and the field of an item that tells it apart, by method."""


@dataclass(frozen=True, slots=True)
class Listed:
    """The items in the order of their servers, and hints for caches: the strictest of all servers.

    `complete` is False if something of a server was left out.
    """

    owned: list[Owned]
    cache: Mapping[str, Any]
    complete: bool

    def result(self, method: str, items: list[Item]) -> Item:
        """Returns the result of a list method."""
        # The fields besides the items are required since 2026-07-28; the SDK drops them for older clients.
        return {"resultType": "complete", FIELDS[method][0]: items, **self.cache}


class Lists:
    """Reads lists through `asks`. Its items are as each server names them."""

    def __init__(self, asks: Asks) -> None:
        self._asks = asks

    async def read(self, ctx: Context, method: str, servers: Iterable[Server]) -> Listed:
        """Returns the items of all pages of a list method of those `servers` that have it."""
        pages = [server for server in servers if server.handles(method)]
        answers, all_well = await self._asks.each(pages, method, partial(_read_all, ctx, method))
        owned = [(server, item) for server, (items, _) in answers for item in items]
        return Listed(owned, _strictest(hints for _, (_, hints) in answers) if all_well else NO_CACHE, all_well)


async def _read_all(ctx: Context, method: str, server: Server) -> tuple[tuple[list[Item], Item], str]:
    """Returns the items and the hints of one server, and what is wrong with its pages."""
    endpoint.set("aggregate")
    own = with_rewriting_channels(replace(ctx, method=method), server.name)
    key, name = FIELDS[method]
    params: dict[str, Any] = {"_meta": (ctx.params or {}).get("_meta", {})}
    items: dict[str, Item] = {}
    hints: list[Item] = []
    cursors: set[str] = set()
    while True:
        page = await server.forward(own, method, params)
        hints.append({"ttlMs": page.get("ttlMs", 0), "cacheScope": page.get("cacheScope", "private")})
        for item in page.get(key, ()):
            items.setdefault(item[name], item)
        cursor = page.get("nextCursor")
        trouble = _trouble(cursor, cursors, len(items))
        if not cursor or trouble:
            return ([*items.values()][:MAX_ITEMS], _strictest(hints)), trouble
        cursors.add(cursor)
        params["cursor"] = cursor


def _trouble(cursor: str | None, earlier: set[str], items: int) -> str:
    if items > MAX_ITEMS or (cursor and len(earlier) + 1 >= MAX_PAGES):
        return f"the list has more than {MAX_ITEMS} items or {MAX_PAGES} pages"
    return "a cursor comes again" if cursor in earlier else ""


def _strictest(hints: Iterable[Mapping[str, Any]]) -> Item:
    """Returns the shortest time, and `private` if any is private. Without any, clients must not cache the list."""
    given = [*hints]
    if not given:
        return NO_CACHE
    is_public = all(hint["cacheScope"] == "public" for hint in given)
    return {"ttlMs": min(hint["ttlMs"] for hint in given), "cacheScope": "public" if is_public else "private"}
