"""Reads the tools of the servers `one` and `two` from every URL that lists tools."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from tests import wire
from tests.matrix.target import Target
from tests.matrix.ways import Headers

Listed = Callable[[Target, Headers], Awaitable[list[str]]]
"""Returns the names of the tools, each as `server_tool`."""


def plain(url: str, server: str = "") -> Listed:
    async def listed(target: Target, headers: Headers) -> list[str]:
        tools = (await target.http.get(url, headers=headers)).json()["tools"]
        return [f"{server or tool['server']}_{tool['name']}" for tool in tools]

    return listed


def formatted(url: str, read: Callable[[Any], list[str]], server: str = "") -> Listed:
    async def listed(target: Target, headers: Headers) -> list[str]:
        names = read((await target.http.get(url, headers=headers)).json())
        return [f"{server}_{name}" if server else name for name in names]

    return listed


def document(url: str, server: str = "") -> Listed:
    async def listed(target: Target, headers: Headers) -> list[str]:
        paths = (await target.http.get(url, headers=headers)).json()["paths"]
        tools = [f"/{server}{path}" if server else path for path in paths if "/mcp/tools/" in path]
        return [f"{parts[1]}_{parts[4]}" for parts in (path.split("/") for path in tools)]

    return listed


def modern(url: str, server: str = "") -> Listed:
    async def listed(target: Target, headers: Headers) -> list[str]:
        needed, body = wire.modern("tools/list")
        answer = await target.http.post(url, json=body, headers={**needed, **headers})
        return _named(answer.json()["result"], server)

    return listed


def legacy(url: str, server: str = "") -> Listed:
    async def listed(target: Target, headers: Headers) -> list[str]:
        opening = await target.http.post(url, json=wire.INITIALIZE, headers={**wire.BOTH_TYPES, **headers})
        if opening.status_code == 403:  # nothing there is for this caller
            return []
        session = {**wire.in_session(opening.headers["mcp-session-id"]), **headers}
        await target.http.post(url, json=wire.INITIALIZED, headers=session)
        answer = await target.http.post(url, json=wire.request("tools/list"), headers=session)
        return _named(wire.messages(answer.text)[-1]["result"], server)

    return listed


def graphql(url: str) -> Listed:
    async def listed(target: Target, headers: Headers) -> list[str]:
        document = "{ __schema { mutationType { fields { name } } } }"
        answer = await target.http.post(url, json={"query": document}, headers=headers)
        found = answer.json()["data"]["__schema"]["mutationType"]
        return [] if found is None else [field["name"] for field in found["fields"]]

    return listed


def _named(result: Any, server: str) -> list[str]:
    return [f"{server}_{tool['name']}" if server else tool["name"] for tool in result["tools"]]


def _openai(tools: Any) -> list[str]:
    return [tool["function"]["name"] for tool in tools]


def _anthropic(tools: Any) -> list[str]:
    return [tool["name"] for tool in tools]


def _gemini(tools: Any) -> list[str]:
    return [function["name"] for tool in tools for function in tool["functionDeclarations"]]


OF_ALL: Mapping[str, Listed] = {
    "/tools": plain("/tools"),
    "/tools as openai": formatted("/tools?format=openai", _openai),
    "/tools as anthropic": formatted("/tools?format=anthropic", _anthropic),
    "/tools as gemini": formatted("/tools?format=gemini", _gemini),
    "/openapi.json": document("/openapi.json"),
    "aggregate modern": modern("/mcp"),
    "aggregate legacy": legacy("/mcp"),
    "graphql": graphql("/graphql"),
}
OF_ONE: Mapping[str, Listed] = {
    "tools": plain("/one/mcp/tools", "one"),
    "tools as openai": formatted("/one/mcp/tools?format=openai", _openai, "one"),
    "tools as anthropic": formatted("/one/mcp/tools?format=anthropic", _anthropic, "one"),
    "tools as gemini": formatted("/one/mcp/tools?format=gemini", _gemini, "one"),
    "openapi.json": document("/one/openapi.json", "one"),
    "native modern": modern("/one/mcp", "one"),
    "native legacy": legacy("/one/mcp", "one"),
}
LISTINGS: Mapping[str, Listed] = {**OF_ALL, **OF_ONE}
