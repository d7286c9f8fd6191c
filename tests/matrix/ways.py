"""Every way to call a tool, as functions of one signature with one form of outcome."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx2
import pytest

from tests import documents, wire
from tests.events import STREAM, all_events
from tests.matrix.target import Target
from tests.sockets import Refused, connected

Headers = Mapping[str, str]
Arguments = dict[str, Any]


@dataclass(frozen=True)
class Outcome:
    """The outcome of a call. `slug` is `ok` or the kind of the error, `value` the result, `problem` the whole error.

    `status` and `headers` are those of the HTTP response. If the response carries more than the call (a stream, a
    WebSocket), `status` is that of the problem, and `headers` are empty.
    """

    slug: str
    value: Any = None
    problem: Mapping[str, Any] = field(default_factory=dict)
    status: int = 200
    headers: Headers = field(default_factory=dict)


KEY = "idempotency-key"
"""The header of a call that must run once. Over a WebSocket it is sent as a field, over native MCP in `_meta`."""

VERSION = "tool-version"
"""The header of a call that asks for a version. It is sent elsewhere in the same ways."""

FIELDS = {KEY: "idempotencyKey", VERSION: "version"}
META = {KEY: "multi-mcp/idempotency-key", VERSION: "dev.multi-mcp/version"}

Ask = Callable[[Target, str, Arguments, Headers], Awaitable[Outcome]]
"""Calls a tool of the server `one`."""


async def call(target: Target, tool: str, arguments: Arguments, headers: Headers) -> Outcome:
    return await _post(target, "/one/mcp/call", {"tool": tool, "arguments": arguments}, headers)


async def call_any(target: Target, tool: str, arguments: Arguments, headers: Headers) -> Outcome:
    return await _post(target, "/call", {"server": "one", "tool": tool, "arguments": arguments}, headers)


async def call_named(target: Target, tool: str, arguments: Arguments, headers: Headers) -> Outcome:
    return await _post(target, "/call", {"tool": f"one_{tool}", "arguments": arguments}, headers)


async def tool_url(target: Target, tool: str, arguments: Arguments, headers: Headers) -> Outcome:
    return await _post(target, f"/one/mcp/tools/{tool}", arguments, headers)


async def stream(target: Target, tool: str, arguments: Arguments, headers: Headers) -> Outcome:
    body = {"tool": tool, "arguments": arguments}
    answer = await target.http.post("/one/mcp/call", json=body, headers={**STREAM, **headers})
    if answer.status_code != 200:
        return _plain(answer)
    event = (await all_events(answer))[-1]
    if event.name == "result":
        return Outcome("ok", event.data["result"], headers=answer.headers)
    return Outcome(slug_of(event.data), None, event.data, event.data["status"])


async def websocket(target: Target, tool: str, arguments: Arguments, headers: Headers) -> Outcome:
    return await _over_websocket(target, "/one/mcp/ws", {"tool": tool, "arguments": arguments}, headers)


async def websocket_any(target: Target, tool: str, arguments: Arguments, headers: Headers) -> Outcome:
    return await _over_websocket(target, "/ws", {"server": "one", "tool": tool, "arguments": arguments}, headers)


async def graphql(target: Target, tool: str, arguments: Arguments, headers: Headers) -> Outcome:
    query = documents.mutation("one", tool, arguments)
    answer = await target.http.post(documents.GRAPHQL, json={"query": query}, headers=headers)
    body = answer.json()
    problem = body if "type" in body else next((error["extensions"] for error in body.get("errors", ())), None)
    if problem is None:
        return Outcome("ok", body["data"]["result"], headers=answer.headers)
    return Outcome(slug_of(problem), None, problem, problem["status"], answer.headers if problem is body else {})


async def modern(target: Target, tool: str, arguments: Arguments, headers: Headers) -> Outcome:
    return await _modern(target, "/one/mcp", tool, arguments, headers)


async def modern_aggregate(target: Target, tool: str, arguments: Arguments, headers: Headers) -> Outcome:
    return await _modern(target, "/mcp", f"one_{tool}", arguments, headers)


async def legacy(target: Target, tool: str, arguments: Arguments, headers: Headers) -> Outcome:
    return await _legacy(target, "/one/mcp", tool, arguments, headers)


async def legacy_aggregate(target: Target, tool: str, arguments: Arguments, headers: Headers) -> Outcome:
    return await _legacy(target, "/mcp", f"one_{tool}", arguments, headers)


PLAIN: Mapping[str, Ask] = {"call": call, "call any": call_any, "call named": call_named, "tool url": tool_url}
NATIVE: Mapping[str, Ask] = {
    "native modern": modern,
    "native legacy": legacy,
    "aggregate modern": modern_aggregate,
    "aggregate legacy": legacy_aggregate,
}
VIA = {way: "aggregate" if way.startswith("aggregate") else "mcp" for way in NATIVE}
VIA |= {way: "tool-url" if way == "tool url" else "call" for way in PLAIN}
VIA |= {"stream": "call", "websocket": "ws", "websocket any": "ws", "graphql": "graphql"}
SOCKETS: Mapping[str, Ask] = {"websocket": websocket, "websocket any": websocket_any}
WAYS: Mapping[str, Ask] = {**PLAIN, "stream": stream, "graphql": graphql, **SOCKETS, **NATIVE}
KINDS = ("call", "graphql", "websocket", "native modern", "aggregate legacy")
SLOWLY = [pytest.param(way, marks=() if way in KINDS else pytest.mark.slow) for way in WAYS]
"""All `WAYS`, for a test that takes long: of its fast part are one way of each kind."""


def slug_of(problem: Mapping[str, Any]) -> str:
    slug: str = problem["type"].rpartition(":")[2]
    return slug


async def _post(target: Target, url: str, body: Arguments, headers: Headers) -> Outcome:
    return _plain(await target.http.post(url, json=body, headers=headers))


async def _over_websocket(target: Target, path: str, call: Arguments, headers: Headers) -> Outcome:
    """Sends `headers` with the handshake. If that is refused, the outcome has its status."""
    pairs = [(key.lower().encode(), value.encode()) for key, value in headers.items()]
    call = {**{field: headers[name] for name, field in FIELDS.items() if name in headers}, **call}
    try:
        async with connected(target.app, path, pairs) as socket:
            frame = await socket.ask({"id": 1, **call})
            while not {"result", "error"} & frame.keys():
                frame = await socket.receive()
    except Refused as exc:
        return Outcome(slug_of(exc.document), None, exc.document, exc.status, exc.headers)
    if "result" in frame:
        return Outcome("ok", frame["result"])
    return Outcome(slug_of(frame["error"]), None, frame["error"], frame["error"]["status"])


async def _modern(target: Target, url: str, tool: str, arguments: Arguments, headers: Headers) -> Outcome:
    needed, body = wire.modern("tools/call", name=tool, arguments=arguments)
    body["params"]["_meta"] |= _meta(headers)
    return _native(await target.http.post(url, json=body, headers={**needed, **headers}))


async def _legacy(target: Target, url: str, tool: str, arguments: Arguments, headers: Headers) -> Outcome:
    meta, headers = _meta(headers), {name: value for name, value in headers.items() if name not in META}
    if (key := f"{url} {headers}") not in target.sessions:
        opening = await target.http.post(url, json=wire.INITIALIZE, headers={**wire.BOTH_TYPES, **headers})
        if opening.status_code != 200:
            return _native(opening)
        target.sessions[key] = {**wire.in_session(opening.headers["mcp-session-id"]), **headers}
        await target.http.post(url, json=wire.INITIALIZED, headers=target.sessions[key])
    session = target.sessions[key]
    body = wire.request("tools/call", next(target.numbers), name=tool, arguments=arguments, _meta=meta)
    return _native(await target.http.post(url, json=body, headers=session))


def _meta(headers: Headers) -> dict[str, str]:
    """Returns the fields of `_meta` that stand for headers of the other ways."""
    return {field: headers[name] for name, field in META.items() if name in headers}


def _plain(answer: httpx2.Response) -> Outcome:
    body = answer.json()
    if answer.status_code == 200:
        return Outcome("ok", body["result"], headers=answer.headers)
    return Outcome(slug_of(body), None, body, answer.status_code, answer.headers)


def _native(answer: httpx2.Response) -> Outcome:
    """Returns the outcome of a protocol error, of an error result or of a result."""
    kind = answer.headers["content-type"]
    if kind.startswith("application/problem+json"):
        return _plain(answer)
    message = wire.messages(answer.text)[-1] if kind.startswith("text/event-stream") else answer.json()
    if "error" in message:
        slug = (message["error"].get("data") or {}).get("type", "protocol-error")
        return Outcome(slug, None, message["error"], answer.status_code, answer.headers)
    result = message["result"]
    if result.get("isError"):
        return Outcome("tool-error", None, result, answer.status_code, answer.headers)
    return Outcome("ok", result["structuredContent"]["result"], {}, answer.status_code, answer.headers)
