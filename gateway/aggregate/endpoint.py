"""One native MCP endpoint over all servers: their tools, prompts and resources under unambiguous names."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from mcp.server.streamable_http_manager import StreamableHTTPASGIApp
from mcp.server.subscriptions import ServerEvent
from mcp.shared.subscriptions import ResourceUpdated
from starlette.types import ASGIApp

from gateway import VERSION
from gateway.aggregate.addresses import owner_of
from gateway.aggregate.asks import Asks
from gateway.aggregate.events import ServerEvents
from gateway.aggregate.lists import Lists
from gateway.aggregate.owners import Owners
from gateway.aggregate.requests import Requests
from gateway.errors import GatewayError
from gateway.sdk.aggregate_server import AggregateServer
from gateway.sdk.changes.exchange import Alone, Exchange
from gateway.sdk.changes.legacy_sessions import LegacySessions
from gateway.sdk.native import Access, refuse_unsendable
from gateway.sdk.parameter_headers import HeaderSchemas
from gateway.sdk.sessions.openings import bound_listen
from gateway.sdk.sessions.sessions import Limits, openings_at, session_manager
from gateway.sdk.tool_list import ToolList, no_tools
from gateway.sdk.tracing import trace_once
from gateway.server import Callee
from gateway.servers.names import Names
from gateway.servers.registry import Registry


class Aggregate:
    """Forwards each request to its server with the client's session. The interceptors act there.

    A server has `list_timeout` seconds to answer what is asked of all servers.
    """

    def __init__(
        self,
        registry: Registry,
        names: Names,
        limits: Limits,
        access: Access | None = None,
        list_timeout: float = 2.0,
        *,
        exchange: Exchange | None = None,
    ) -> None:
        self._exchange = exchange or Alone()
        self._registry = registry
        self._names = names
        self._sessions = LegacySessions()
        asks = Asks(list_timeout)
        lists = Lists(asks)
        owners = Owners(registry, lists)
        self._events = ServerEvents(registry, owners)
        self._requests = Requests(names, asks, lists, owners)
        self._server = AggregateServer(
            "multi-mcp",
            servers=owners.usable,
            forward=self._requests.forward,
            notify=self._requests.notify,
            version=VERSION,
            get_tool_input_schema=HeaderSchemas(self._input_schema, self._has_versions),
            on_list_tools=no_tools,
            on_subscriptions_listen=self._events.listen,
        )
        for method, (params, handler) in self._requests.always.items():
            self._server.add_request_handler(method, params, handler)
        self._server.middleware += [refuse_unsendable, self._sessions]
        openings = openings_at("", lambda who: bool(registry.names_used() or not [*registry]), limits)
        self._listen = bound_listen(self._server, openings)
        self._manager = session_manager(self._server, limits, openings)
        self.app: ASGIApp = StreamableHTTPASGIApp(self._manager)
        if access is not None:
            self._server.middleware.append(access.over(lambda: [server.name for server in registry], owner_of))
            self.app = access.endpoint(self.app, self._find, "aggregate")
        self._server.middleware.append(ToolList(self._server, self._requests.list_tools))

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[None]:
        """Entered after the servers are open, and left before they close."""
        trace_once(self._server.middleware)
        self._serve_optional_methods()
        unsubscribe = self._events.subscribe(self._changed)
        try:
            async with self._manager.run():
                with self._exchange.hear("", lambda method, uri: None, self._missed):
                    yield
        finally:
            unsubscribe()

    @property
    def sessions(self) -> int:
        return self._manager.open_sessions

    def end_streams(self) -> None:
        self._listen.close()
        self._manager.end_streams()

    def _changed(self, event: ServerEvent) -> None:
        """Tells the sessions of lists that have changed. The server may serve other methods now, too."""
        if not isinstance(event, ResourceUpdated):  # their servers tell those who watch one
            self._serve_optional_methods()
            self._sessions.tell(event)

    def _missed(self) -> None:
        """Tells the streams here of their resources, whose URIs the servers may not know; these tell all else."""
        for uri in self._listen.watched():
            self._events.tell(ResourceUpdated(uri))

    def _serve_optional_methods(self) -> None:
        """Serves the methods, and so promises the capabilities, that at least one server has now."""
        for method, (params, handler) in self._requests.optional.items():
            if any(server.handles(method) for server in self._registry):
                self._server.add_request_handler(method, params, handler)
            else:
                self._server.remove_request_handler(method)

    def _find(self, name: str) -> tuple[Callee, str] | None:
        try:
            server, tool = self._names.locate(name)
            return self._registry[server], tool
        except GatewayError:  # the call itself will get the same answer as any other
            return None

    def _input_schema(self, name: str) -> Mapping[str, Any] | None:
        tool = self._names.find(name)
        return None if tool is None else tool["inputSchema"]

    def _has_versions(self, name: str) -> bool:
        found = self._find(name)
        entry = None if found is None else found[0].find(found[1])
        return entry is not None and entry.versions is not None
