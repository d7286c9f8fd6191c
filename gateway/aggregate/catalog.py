"""Prompts and resources of all servers, under names and URIs that say which server answers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import anyio.lowlevel
from mcp.shared.exceptions import MCPError
from mcp.shared.uri_template import UriTemplate
from mcp_types import INVALID_PARAMS

from gateway.naming import unambiguous
from gateway.sdk.tool_list import NO_CACHE
from gateway.server import Server

Item = dict[str, Any]
Owned = tuple[Server, Item]
MAX_PAGES = 100


async def listed(servers: Iterable[Server], ctx: Any, method: str, key: str) -> list[Owned]:
    """Returns every item of a list method (`prompts/list`) with its server, from all pages."""
    owned: list[Owned] = []
    for server in (each for each in servers if each.handles(method)):
        await anyio.lowlevel.checkpoint()  # other calls have their turn between two servers
        params: dict[str, Any] = {"_meta": (ctx.params or {}).get("_meta", {})}
        for _ in range(MAX_PAGES):
            page = await server.forward(ctx, method, params)
            owned += [(server, item) for item in page.get(key, [])]
            if not page.get("nextCursor"):
                break
            params["cursor"] = page["nextCursor"]
    return owned


def list_result(key: str, items: list[Item]) -> Item:
    """Returns the result of a list method. Clients must not cache it: servers come and go."""
    # The fields besides `key` are required since 2026-07-28; the SDK drops them for older clients. The SDK's own model
    # would add them too, but would validate every item as well.
    return {"resultType": "complete", key: items, **NO_CACHE}


def named(owned: Sequence[Owned]) -> dict[str, Owned]:
    """Returns prompts by their names over all servers: `{server}_{prompt}`."""
    by_key = {(server.name, item["name"]): (server, item) for server, item in owned}
    return {name: by_key[key] for name, key in unambiguous(by_key).items()}


def find_named(owned: Sequence[Owned], name: str) -> Owned:
    """Returns the prompt of a name over all servers, or of a bare name that only one server has.

    Raises:
        MCPError: neither.
    """
    if (owner := named(owned).get(name)) is not None:
        return owner
    found = [(server, item) for server, item in owned if item["name"] == name]
    if not found:
        raise MCPError(INVALID_PARAMS, f"Unknown prompt: {name}")
    return _only(found, lambda server, item: f"{server.name}_{item['name']}")


def addressed(owned: Sequence[Owned], field: str) -> list[Item]:
    """Returns resources or templates; a URI that several servers have is prefixed with the server's name."""
    times = Counter(item[field] for _, item in owned)
    return [{**item, field: item[field] if times[item[field]] == 1 else prefixed(s, item[field])} for s, item in owned]


def shared_uris(owned: Sequence[Owned], server: Server) -> dict[str, str]:
    """Returns the URI over all servers of each resource of `server`."""
    listed = zip(owned, addressed(owned, "uri"), strict=True)
    return {item["uri"]: shared["uri"] for (owner, item), shared in listed if owner is server}


def prefixed(server: Server, uri: str) -> str:
    """Returns `{server}+{uri}`. A URI scheme has no `_`, and a server's name no `.`, so one replaces the other."""
    return f"{server.name.replace('_', '.')}+{uri}"


def without_prefix(servers: Iterable[Server], uri: str) -> tuple[Server, str] | None:
    """Returns the server that the prefix of `uri` names, and the server's own URI."""
    for server in servers:
        if uri.startswith(prefix := prefixed(server, "")):
            return server, uri.removeprefix(prefix)
    return None


def find_addressed(resources: Sequence[Owned], templates: Sequence[Owned], uri: str) -> Server:
    """Returns the one server that has this URI, or else whose template matches it.

    Raises:
        MCPError: no server, or several. The prefixed URI then says which one is meant.
    """
    exact = [(server, item) for server, item in resources if item["uri"] == uri]
    matching = [(server, item) for server, item in templates if _matches(item["uriTemplate"], uri)]
    found = _first_of_each(exact or matching)
    if not found:
        raise MCPError(INVALID_PARAMS, f"Unknown resource: {uri}", {"uri": uri})
    return _only(found, lambda server, _: prefixed(server, uri))[0]


def _first_of_each(owned: Sequence[Owned]) -> list[Owned]:
    return list({server.name: (server, item) for server, item in owned}.values())


def _matches(template: str, uri: str) -> bool:
    return template == uri or UriTemplate.parse(template).match(uri) is not None


def _only(found: Sequence[Owned], choice: Callable[[Server, Item], str]) -> Owned:
    if len(found) == 1:
        return found[0]
    choices = ", ".join(choice(server, item) for server, item in found)
    raise MCPError(INVALID_PARAMS, f"Several servers have it; ask for one of: {choices}")


def map_uris(value: Any, change: Mapping[str, str]) -> Any:
    """Returns `value` with the URIs of resources and links in its content changed."""
    if isinstance(value, list):
        return [map_uris(item, change) for item in value]
    if isinstance(value, dict):
        mapped = {key: map_uris(item, change) for key, item in value.items() if key != "uri"}
        return mapped if "uri" not in value else {**mapped, "uri": change.get(value["uri"], value["uri"])}
    return value
