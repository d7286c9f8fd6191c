"""A link of the stateless era: each request is a POST of its own, and closing its answer cancels it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from itertools import count
from typing import Any

from mcp.shared.inbound import (
    NAME_BEARING_METHODS,
    encode_header_value,
    find_invalid_x_mcp_header,
    mcp_param_headers,
    x_mcp_header_map,
)
from mcp_types import (
    CLIENT_INFO_META_KEY,
    HEADER_MISMATCH,
    INVALID_REQUEST,
    PROTOCOL_VERSION_META_KEY,
    UNSUPPORTED_PROTOCOL_VERSION,
)

from gateway.upstream.http.answers import Message, answer_of
from gateway.upstream.http.client import Client
from gateway.upstream.http.events import Events
from gateway.upstream.http.failures import ConnectionLost, StatusFailure
from gateway.upstream.http.listening import keep_listening, list_changes, tell_changes
from gateway.upstream.http.messages import BOTH_TYPES, RESENT, encoded, tell, with_token
from gateway.upstream.http.tasks import Tasks
from gateway.upstream.introduction import CLIENT
from gateway.upstream.link import (
    ACKNOWLEDGED,
    LISTEN,
    MODERN,
    NOBODY,
    Heard,
    Identity,
    LinkFailure,
    Origin,
    Params,
    Refusal,
    Report,
)

MAX_PAGES = 100
MAX_TOOLS = 10_000
"""Tools whose arguments' headers are remembered."""

_OF_OLD_SERVERS = ("protocol version", "session id")
_LINES = BOTH_TYPES + f"Mcp-Protocol-Version: {MODERN}\r\n".encode()


class ModernLink:
    """`identity` is set by the one who opens the link, before `listen`."""

    def __init__(self, client: Client, heard: Heard) -> None:
        self.identity = Identity(MODERN)
        self._client = client
        self._heard = heard
        self._numbers = count(1)
        self._tasks = Tasks()
        self._ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._param_headers: dict[str, dict[tuple[str, ...], str]] = {}

    async def request(
        self, method: str, params: Params, report: Report | None = None, *, session: str = "", origin: Origin = NOBODY
    ) -> dict[str, Any]:
        client, tried = self._client.for_caller(session), set[str]()
        while True:
            sent = await client.lines()
            try:
                return await self._asked(client, method, params, report, origin, sent=sent)
            except (LinkFailure, Refusal) as exc:
                cure = await self._cure(client, method, exc, sent)
                if cure is None or cure in tried:
                    raise
                tried.add(cure)
                if cure == "list":
                    await self._learn_headers()

    def listen(self) -> None:
        """Begins to hear of changes of lists, if the server tells them."""
        if list_changes(self.identity.capabilities):
            self._tasks.start(keep_listening(self._listen, self._tell_changes))

    def leave(self, session: str) -> None:
        """Has nothing to end."""

    async def ended(self) -> str:
        return await asyncio.shield(self._ended)

    async def close(self) -> None:
        self._end("it was stopped")
        await self._tasks.finish(0)
        self._client.close()

    async def _cure(self, client: Client, method: str, exc: LinkFailure | Refusal, sent: bytes) -> str | None:
        """Returns how the same request may succeed, if it was surely not executed or changes nothing.

        `sent` has the lines of `client` that were sent with it.
        """
        if isinstance(exc, Refusal):
            if _has_changed_era(exc):
                self._end(f"it does not speak {MODERN} any more")
            return "list" if exc.code == HEADER_MISMATCH and method == "tools/call" else None
        if isinstance(exc, StatusFailure) and exc.status in (401, 403):
            return "headers" if await client.renewed(sent, exc.status) else None
        return "connection" if isinstance(exc, ConnectionLost) and method in RESENT else None

    async def _asked(
        self, client: Client, method: str, params: Params, report: Report | None, origin: Origin, *, sent: bytes
    ) -> dict[str, Any]:
        async def told(message: Message) -> None:
            await tell(message, number, report, self._heard, origin)

        number = next(self._numbers)
        lines, body = self._encoded(number, method, params, report, origin)
        async with client.post(lines, body, is_counted=method != LISTEN, own=sent) as connection:
            result = await answer_of(connection, number, told, Events(client.limit))
        if method == "tools/list":
            self._remember_headers(result, is_first="cursor" not in params)
        return result

    def _encoded(
        self, number: int, method: str, params: Params, report: Report | None = None, origin: Origin = NOBODY
    ) -> tuple[bytes, bytes]:
        """Returns the lines of the head and the body."""
        meta = with_token(params.get("_meta"), number, report)
        meta[PROTOCOL_VERSION_META_KEY] = MODERN
        meta[CLIENT_INFO_META_KEY] = CLIENT
        meta.update(origin.meta)
        message = {"id": number, "method": method, "params": {**params, "_meta": meta}}
        body = encoded(message, self._client.limit)
        try:
            return _LINES + self._routing_headers(method, params).encode("ascii"), body
        except UnicodeEncodeError as exc:  # a lone surrogate
            raise LinkFailure("the request has a text that no header can carry", was_sent=False) from exc

    def _routing_headers(self, method: str, params: Params) -> str:
        lines = f"Mcp-Method: {method}\r\n"
        name = params.get(NAME_BEARING_METHODS.get(method, ""))
        if not isinstance(name, str):
            return lines
        lines += f"Mcp-Name: {encode_header_value(name)}\r\n"
        if method == "tools/call" and name in self._param_headers:
            found = mcp_param_headers(self._param_headers[name], params.get("arguments") or {})
            lines += "".join(f"{header}: {value}\r\n" for header, value in found.items())
        return lines

    def _remember_headers(self, result: Params, *, is_first: bool) -> None:
        """Notes which arguments of the listed tools are also sent as headers."""
        if is_first:
            self._param_headers = {}
        tools = result.get("tools")
        for tool in tools if isinstance(tools, list) else ():
            schema, name = (tool.get("inputSchema"), tool.get("name")) if isinstance(tool, dict) else (None, None)
            if not isinstance(name, str) or find_invalid_x_mcp_header(schema) is not None:
                continue
            if (found := x_mcp_header_map(schema)) and len(self._param_headers) < MAX_TOOLS:
                self._param_headers[name] = found

    async def _learn_headers(self) -> None:
        params: dict[str, Any] = {}
        for _ in range(MAX_PAGES):
            cursor = (await self.request("tools/list", params)).get("nextCursor")
            if not isinstance(cursor, str) or cursor == params.get("cursor"):
                return
            params = {"cursor": cursor}

    async def _listen(self, opened: Callable[[], None]) -> None:
        async def told(message: Message) -> None:
            if message["method"] == ACKNOWLEDGED:
                opened()
            else:
                await tell(message, number, None, self._heard)

        number = next(self._numbers)
        wanted = {f"{kind}ListChanged": True for kind in list_changes(self.identity.capabilities)}
        lines, body = self._encoded(number, LISTEN, {"notifications": wanted})
        async with self._client.post(lines, body, is_counted=False) as connection:
            await answer_of(connection, number, told, Events(self._client.limit))

    def _tell_changes(self) -> None:
        tell_changes(self.identity.capabilities, self._heard)

    def _end(self, reason: str) -> None:
        if not self._ended.done():
            self._ended.set_result(reason)


def _has_changed_era(refusal: Refusal) -> bool:
    """Returns True for a refusal of the revision, also as servers put it that are older than its code."""
    return refusal.code == UNSUPPORTED_PROTOCOL_VERSION or (
        refusal.code == INVALID_REQUEST and any(words in refusal.message.lower() for words in _OF_OLD_SERVERS)
    )
