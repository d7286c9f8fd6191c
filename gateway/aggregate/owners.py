"""Finds the server of a prompt, a resource or a task. What `/mcp` has handed out names its server by itself."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

from mcp.server.context import ServerRequestContext
from mcp.shared.exceptions import MCPError
from mcp.shared.uri_template import InvalidUriTemplate, UriTemplate
from mcp_types import INVALID_PARAMS

from gateway.aggregate.addresses import Address, task_without_server, with_server, without_server
from gateway.aggregate.lists import Lists, Owned
from gateway.caller import caller
from gateway.naming import may_be_named, unambiguous
from gateway.server import Server

Context = ServerRequestContext[Any, Any]


def named(owned: Iterable[Owned]) -> dict[str, Owned]:
    """Returns prompts by their names over all servers: `{server}_{prompt}`."""
    by_key = {(server.name, item["name"]): (server, item) for server, item in owned}
    return {name: by_key[key] for name, key in unambiguous(by_key).items()}


class Owners:
    """Looks among those of `servers` of which the caller may use something."""

    def __init__(self, servers: Iterable[Server], lists: Lists) -> None:
        self._servers = servers
        self._lists = lists

    def usable(self) -> list[Server]:
        """Returns the servers of which the caller may use something."""
        asking = caller.get()
        return [server for server in self._servers if asking.uses(server)]

    async def of_prompt(self, ctx: Context, name: str) -> tuple[Server, str]:
        """Returns the server of a prompt and its own name. Only servers whose name the prompt's begins with are asked.

        A bare name will do if one server alone has it; then all are asked.

        Raises:
            MCPError: no server has it, or several have.
        """
        usable = self.usable()
        candidates = [server for server in usable if may_be_named(server.name, name)]
        listed = await self._lists.read(ctx, "prompts/list", candidates)
        if (owner := named(listed.owned).get(name)) is not None:
            return owner[0], owner[1]["name"]
        if listed.complete:
            everything = await self._lists.read(ctx, "prompts/list", usable)
            found = [server for server, item in everything.owned if item["name"] == name]
            if found:
                return _only(found, lambda server: f"{server.name}_{name}"), name
        if candidates:  # its prompts are not known now, or it does not list this one
            server = max(candidates, key=lambda server: len(server.name))
            return server, name.removeprefix(f"{server.name}_")
        raise MCPError(INVALID_PARAMS, f"Unknown prompt: {name}")

    async def of_uri(self, ctx: Context, uri: str) -> tuple[Server, str]:
        """Returns the server of a resource or a template, and its own URI.

        A server's own URI will do if one server alone has it, or a template that matches it; then all are asked.

        Raises:
            MCPError: no server has it, or several have.
        """
        usable = self.usable()
        owner = _addressed(usable, without_server(uri))
        if owner is not None:
            return owner
        found = (await self.having(ctx, [uri], usable))[uri]
        if not found:
            raise MCPError(INVALID_PARAMS, f"Unknown resource: {uri}", {"uri": uri})
        return _only(found, lambda server: with_server(server.name, uri)), uri

    async def of_uris(self, ctx: Context, uris: Collection[str]) -> Mapping[Server, Mapping[str, str]]:
        """Returns the servers that have any of `uris`: to each of its own URIs, the one that it was found by."""
        usable, found = self.usable(), dict[Server, dict[str, str]]()
        owners = {uri: _addressed(usable, without_server(uri)) for uri in uris}
        plain = [uri for uri, owner in owners.items() if owner is None]
        having = await self.having(ctx, plain, usable) if plain else {}
        for uri, owner in owners.items():
            for server, own in [owner] if owner is not None else [(server, uri) for server in having[uri]]:
                found.setdefault(server, {})[own] = uri
        return found

    async def having(
        self, ctx: Context, uris: Collection[str], servers: Sequence[Server]
    ) -> Mapping[str, Sequence[Server]]:
        """Returns those of `servers` that list each of their own `uris`, or else have a template that matches it."""
        resources = (await self._lists.read(ctx, "resources/list", servers)).owned
        exact = {uri: [server for server, item in resources if item["uri"] == uri] for uri in uris}
        if all(exact.values()):
            return exact
        listed = (await self._lists.read(ctx, "resources/templates/list", servers)).owned
        templates = [(server, item["uriTemplate"], _parsed(item["uriTemplate"])) for server, item in listed]
        return {uri: exact[uri] or _matching(templates, uri) for uri in uris}

    def of_task(self, task: str) -> tuple[Server, str]:
        """Returns the server of a task and its own id.

        Raises:
            MCPError: no server has it.
        """
        owner = _addressed(self.usable(), task_without_server(task))
        if owner is None:
            raise MCPError(INVALID_PARAMS, "Unknown task")
        return owner


def _addressed(usable: Iterable[Server], address: Address | None) -> tuple[Server, str] | None:
    if address is None:
        return None
    return next(((server, address[1]) for server in usable if server.name == address[0]), None)


def _parsed(template: str) -> UriTemplate | None:
    try:
        return UriTemplate.parse(template)
    except InvalidUriTemplate:
        return None


def _matching(templates: Sequence[tuple[Server, str, UriTemplate | None]], uri: str) -> list[Server]:
    found = [
        server
        for server, text, template in templates
        if text == uri or (template is not None and template.match(uri) is not None)
    ]
    return [*dict.fromkeys(found)]


def _only(found: Sequence[Server], name: Callable[[Server], str]) -> Server:
    if len(found) > 1:
        raise MCPError(INVALID_PARAMS, f"Several servers have it; ask for one of: {', '.join(map(name, found))}")
    return found[0]
