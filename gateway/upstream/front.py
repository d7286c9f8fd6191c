"""The SDK's server in front of an upstream: both protocol eras, sessions and validation, with no tools of its own."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import mcp_types as types
from mcp.server import NotificationOptions
from mcp.server import Server as LowLevelServer
from mcp.server.context import HandlerResult, ServerRequestContext
from mcp.server.models import InitializationOptions
from mcp.server.subscriptions import InMemorySubscriptionBus
from pydantic import BaseModel

from gateway.sdk.changes.watching import Watching, WatchingListen
from gateway.sdk.parameter_headers import HeaderSchemas
from gateway.sdk.tool_list import no_tools
from gateway.upstream.link import Identity

Context = ServerRequestContext[Any, Any]
Forward = Callable[[Context, Any], Awaitable[HandlerResult]]

FORWARDED: Mapping[str, tuple[type[BaseModel], str]] = {
    "prompts/list": (types.PaginatedRequestParams, "prompts"),
    "prompts/get": (types.GetPromptRequestParams, "prompts"),
    "resources/list": (types.PaginatedRequestParams, "resources"),
    "resources/templates/list": (types.PaginatedRequestParams, "resources"),
    "resources/read": (types.ReadResourceRequestParams, "resources"),
    "completion/complete": (types.CompleteRequestParams, "completions"),
}
"""The methods that go on to the upstream besides `tools/call`: their parameters, and the capability they need."""

WISHES: Mapping[str, tuple[type[BaseModel], str]] = {
    "logging/setLevel": (types.SetLevelRequestParams, "logging"),
    "resources/subscribe": (types.SubscribeRequestParams, "resources"),
    "resources/unsubscribe": (types.UnsubscribeRequestParams, "resources"),
}
"""The methods of clients with sessions whose upstream is told of them once for all; as `FORWARDED`."""


class Front(LowLevelServer[Any]):
    """Promises what the upstream promised when it was opened last. Until then it promises tools alone."""

    def __init__(self, name: str, input_schema: Callable[[str], Mapping[str, Any] | None]) -> None:
        self.bus = InMemorySubscriptionBus()
        super().__init__(
            name,
            on_list_tools=no_tools,
            get_tool_input_schema=HeaderSchemas(input_schema),
        )
        self.era = ""
        self._forward: Forward | None = None
        self._wishes: Mapping[str, Forward] = {}

    def serve(self, forward: Forward, wishes: Mapping[str, Forward]) -> None:
        """Sends tool calls, and all that the upstream will promise, to `forward`; `wishes` handle those of `WISHES`."""
        self._forward, self._wishes = forward, wishes
        self.add_request_handler("tools/call", types.CallToolRequestParams, forward)

    def listen(self, watching: Watching) -> None:
        """Serves `subscriptions/listen`, with the resources that `watching` watches."""
        handler = WatchingListen(self.bus, watching)
        self.add_request_handler("subscriptions/listen", types.SubscriptionsListenRequestParams, handler)

    def identify(self, identity: Identity) -> None:
        """Takes over what the upstream says of itself."""
        self.era, self.instructions = ("modern" if identity.is_modern else "legacy"), identity.instructions
        for field in ("version", "title"):
            value = identity.server_info.get(field)
            setattr(self, field, value if isinstance(value, str) else getattr(self, field))
        self.__dict__.pop("_server_info_stamp_source", None)  # the SDK computes it once
        for method, (params, capability) in FORWARDED.items():
            if self._forward is not None and isinstance(identity.capabilities.get(capability), dict):
                self.add_request_handler(method, params, self._forward)
            else:
                self._request_handlers.pop(method, None)
        for method, (params, capability) in WISHES.items():
            promised = identity.capabilities.get(capability)
            is_promised = isinstance(promised, dict) and (capability == "logging" or promised.get("subscribe") is True)
            if method in self._wishes and is_promised:
                self.add_request_handler(method, params, self._wishes[method])
            else:
                self._request_handlers.pop(method, None)

    @property
    def server_info_stamp(self) -> dict[str, Any]:
        """The words of each result about the server: texts alone, so that a copy need not be a deep one."""
        return self._server_info_stamp_source.copy()

    def create_initialization_options(
        self, notification_options: NotificationOptions | None = None, *arguments: Any, **keywords: Any
    ) -> InitializationOptions:
        options = notification_options or NotificationOptions(True, True, True)
        return super().create_initialization_options(options, *arguments, **keywords)
