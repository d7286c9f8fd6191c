"""Everything that a server sends, with the URIs and task ids that clients of `/mcp` know."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from mcp.server.context import ServerRequestContext

from gateway.aggregate.addresses import is_web, task_with_server, with_server
from gateway.sdk.internals import connection_of, request_channel, with_outbound, with_session

Context = ServerRequestContext[Any, Any]
Change = Callable[[str], str]

_URIS = frozenset({"uri", "uriTemplate"})
_PARTS = frozenset(
    {"content", "contents", "messages", "resource", "resources", "resourceTemplates", "tools", "task", "tasks"}
    | {"result", "params"}
)
"""The fields in which further objects of the protocol stand. No other is looked into: those are the author's own."""
_PLAIN = frozenset({"text", "image", "audio"})
_RELATED_TASK = "io.modelcontextprotocol/related-task"
_FLAT_UI = "ui/resourceUri"


def rewritten(server: str, sent: Any, change: Change | None = None) -> Any:
    """Returns a result, a notification's parameters, or a part of them, as it was `sent` by `server`.

    `change` returns the URI over all servers of a URI; the default is `with_server`.
    """
    return _Rewriting(server, change or partial(with_server, server)).of(sent)


def is_plain(result: Mapping[str, Any]) -> bool:
    """Returns True for the result of a call in which there is nothing to rewrite."""
    if "_meta" in result or "task" in result or result.get("resultType", "complete") != "complete":
        return False
    return all(block.get("type") in _PLAIN for block in result.get("content", ()))


def unless_web(server: str, uri: str) -> str:
    return uri if is_web(uri) else with_server(server, uri)


class _Rewriting:
    def __init__(self, server: str, change: Change) -> None:
        self._server = server
        self._change = change

    def of(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self.of(item) for item in value]
        if isinstance(value, Mapping):
            return {key: self._field(key, item) for key, item in value.items()}
        return value

    def _field(self, key: str, value: Any) -> Any:
        if key in _PARTS:
            return self.of(value)
        if isinstance(value, str):
            if key in _URIS:
                return self._change(value)
            return task_with_server(self._server, value) if key == "taskId" else value
        if key == "_meta" and isinstance(value, Mapping):
            return self._meta(value)
        if key == "inputRequests" and isinstance(value, Mapping):
            return {name: self.of(request) for name, request in value.items()}
        return value

    def _meta(self, meta: Mapping[str, Any]) -> Mapping[str, Any]:
        changed = dict(meta)
        if isinstance(meta.get(_FLAT_UI), str):
            changed[_FLAT_UI] = with_server(self._server, meta[_FLAT_UI])
        ui = meta.get("ui")
        if isinstance(ui, Mapping) and isinstance(ui.get("resourceUri"), str):
            changed["ui"] = {**ui, "resourceUri": with_server(self._server, ui["resourceUri"])}
        if isinstance(meta.get(_RELATED_TASK), Mapping):
            changed[_RELATED_TASK] = self.of(meta[_RELATED_TASK])
        return changed


class _RewritingChannel:
    """Stands in front of a channel of the SDK, and has all of its other attributes."""

    def __init__(self, channel: Any, server: str) -> None:
        self._channel = channel
        self._server = server

    def __getattr__(self, name: str) -> Any:
        return getattr(self._channel, name)

    async def notify(self, method: str, params: Mapping[str, Any] | None, *options: Any) -> None:
        # An update is always of a resource of the server's own, whatever its scheme.
        change = None if method == "notifications/resources/updated" else partial(unless_web, self._server)
        await self._channel.notify(method, rewritten(self._server, params, change), *options)

    async def send_raw_request(self, method: str, params: Mapping[str, Any] | None, *options: Any) -> dict[str, Any]:
        sent = rewritten(self._server, params, partial(unless_web, self._server))
        answer: dict[str, Any] = await self._channel.send_raw_request(method, sent, *options)
        return answer


def with_rewriting_channels(ctx: Context, server: str) -> Context:
    """Returns the same request, whose messages to the client are rewritten as `server` sends them.

    So are those that its server sends later over the session, which it may keep.
    """
    channel = _RewritingChannel(request_channel(ctx), server)
    connection = connection_of(ctx)
    if connection.has_standalone_channel:
        connection = with_outbound(connection, _RewritingChannel(connection.outbound, server))
    return with_session(ctx, type(ctx.session), _request_outbound=channel, _connection=connection)
