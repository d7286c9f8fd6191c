"""What all servers offer besides tools, under names and URIs that say which server answers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from mcp.shared.exceptions import MCPError
from mcp.shared.uri_template import UriTemplate
from mcp_types import INVALID_PARAMS

from gateway.server import Server
from gateway.servers.names import unambiguous

Item = dict[str, Any]
Owned = tuple[Server, Item]
_PAGES = 100


async def listed(servers: Iterable[Server], ctx: Any, method: str, key: str) -> list[Owned]:
    """Every item of `method` (`prompts/list`) with its server, all pages of it."""
    owned: list[Owned] = []
    for server in servers:
        params: dict[str, Any] = {"_meta": (ctx.params or {}).get("_meta", {})}
        for _ in range(_PAGES):
            page = await server.forward(ctx, method, params)
            owned += [(server, item) for item in page.get(key, [])]
            if not page.get("nextCursor"):
                break
            params["cursor"] = page["nextCursor"]
    return owned


def named(owned: Sequence[Owned]) -> dict[str, Owned]:
    """Prompts by their names over all servers: `{server}_{prompt}`."""
    by_key = {(server.name, item["name"]): (server, item) for server, item in owned}
    return {name: by_key[key] for name, key in unambiguous(by_key).items()}


def find_named(owned: Sequence[Owned], name: str) -> Owned:
    """By the name over all servers, or the bare one where only one server has it.

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
    """Resources or templates; those whose URI several servers have get the server's name before it."""
    times = Counter(item[field] for _, item in owned)
    return [{**item, field: item[field] if times[item[field]] == 1 else prefixed(s, item[field])} for s, item in owned]


def prefixed(server: Server, uri: str) -> str:
    """`{server}+{uri}`. A scheme has no `_`, and a server's name no `.`."""
    return f"{server.name.replace('_', '.')}+{uri}"


def without_prefix(servers: Iterable[Server], uri: str) -> tuple[Server, str] | None:
    """The server that the prefix of `uri` names, and the server's own URI."""
    for server in servers:
        if uri.startswith(prefix := prefixed(server, "")):
            return server, uri.removeprefix(prefix)
    return None


def find_addressed(resources: Sequence[Owned], templates: Sequence[Owned], uri: str) -> Server:
    """The one server that has this URI, or else whose template matches it.

    Raises:
        MCPError: no server, or several: then the prefixed URI says which.
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
    """`value` with the URIs of resources and links in its content changed."""
    if isinstance(value, list):
        return [map_uris(item, change) for item in value]
    if isinstance(value, dict):
        mapped = {key: map_uris(item, change) for key, item in value.items() if key != "uri"}
        return mapped if "uri" not in value else {**mapped, "uri": change.get(value["uri"], value["uri"])}
    return value
