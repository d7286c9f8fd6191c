"""Tool calls in plain JSON: at the URLs of a server, and over all servers."""

from __future__ import annotations

from functools import partial
from typing import Any

import anyio
import httpx2
import pytest
from mcp.server.mcpserver import MCPServer

from tests.conftest import MakeApp
from tests.transport import opened

pytestmark = pytest.mark.anyio
NONE: list[Any] = [None, {}, "", " \n", "null", "{}"]


@pytest.mark.parametrize(
    ("server", "tool", "arguments", "result"),
    [
        ("echo", "echo_tool", {"message": "Hello World"}, "Hello World"),
        ("echo", "reverse_tool", {"text": "MCP Server"}, "revreS PCM"),
        ("math", "add_tool", {"a": 42, "b": 58}, 100),
        ("math", "multiply_tool", {"a": 12, "b": 8}, 96),
        ("echo", "echo", {"message": "Hello MCP!"}, "Hello MCP!"),
        ("math", "multiply", {"a": 5, "b": 7}, 35),
        ("math", "add", {"a": 0.5, "b": 1}, 1.5),
        ("moody", "greet", {"person": {"name": "Ada"}}, {"name": "Ada", "age": 0}),
        ("moody", "picture", {}, [{"type": "image", "data": "AAAA", "mimeType": "image/png"}]),
    ],
)
async def test_every_way_in_gives_the_same_result(
    client: httpx2.AsyncClient, server: str, tool: str, arguments: dict[str, Any], result: Any
) -> None:
    call = {"tool": tool, "arguments": arguments}
    for url, body in (
        (f"/{server}/mcp/call", call),
        ("/call", {**call, "server": server}),
        ("/call", {**call, "tool": f"{server}_{tool.removesuffix('_tool')}_tool"}),
        ("/call", call),
    ):
        answer = await client.post(url, json=body)
        assert (answer.status_code, answer.json()) == (200, {"result": result})
        assert answer.headers["content-type"] == "application/json"


async def test_integer_result_stays_an_integer_in_the_json(client: httpx2.AsyncClient) -> None:
    answer = await client.post("/math/mcp/call", json={"tool": "multiply", "arguments": {"a": 5, "b": 7}})
    assert answer.text == '{"result":35}'


@pytest.mark.parametrize(
    ("tool", "arguments", "output"),
    [
        ("math/mcp/tools/add_tool", {"a": 1, "b": 2}, {"result": 3}),
        ("math/mcp/tools/add", {"a": 1, "b": 2}, {"result": 3}),
        ("moody/mcp/tools/greet_tool", {"person": {"name": "Ada"}}, {"name": "Ada", "age": 0}),
        ("moody/mcp/tools/seen_tool", {}, {"result": [0, 0]}),
    ],
)
async def test_tool_url_takes_arguments_and_returns_structured_output(
    client: httpx2.AsyncClient, tool: str, arguments: dict[str, Any], output: Any
) -> None:
    answer = await client.post(f"/{tool}", json=arguments)
    assert (answer.status_code, answer.json()) == (200, output)


@pytest.mark.parametrize("arguments", [{}, *[{"arguments": none} for none in NONE]])
async def test_arguments_are_optional(client: httpx2.AsyncClient, arguments: dict[str, Any]) -> None:
    assert (await client.post("/moody/mcp/call", json={"tool": "seen", **arguments})).json() == {"result": [0, 0]}


@pytest.mark.parametrize("url", ["/call", "/echo/mcp/call"])
async def test_arguments_may_be_json_in_a_string(client: httpx2.AsyncClient, url: str) -> None:
    answer = await client.post(url, json={"tool": "echo_tool", "arguments": ' {"message": "\\u00e4 \\"1\\""}'})
    assert (answer.status_code, answer.json()) == (200, {"result": 'ä "1"'})


@pytest.mark.parametrize("text", ["{", "[]", "1", '"{}"', "{}{}", '{"message": NaN}', '{"message": 1e999}', "[" * 5000])
async def test_string_that_is_no_json_object_is_400(client: httpx2.AsyncClient, text: str) -> None:
    answer = await client.post("/echo/mcp/call", json={"tool": "echo_tool", "arguments": text})
    assert (answer.status_code, answer.json()["type"]) == (400, "urn:multi-mcp:error:invalid-request")


async def test_tool_name_in_the_url_may_have_special_characters(make_app: MakeApp) -> None:
    server = MCPServer("odd")
    names = ["a b", "a/b", "ä", "a?b", "a%2Fb", "...", "call"]
    for name in names:
        server.add_tool(named(name), name=name)
    async with opened(make_app(server)) as client:
        listed = (await client.get("/odd/mcp/tools")).json()["tools"]
        for tool, name in zip(listed, names, strict=True):
            assert (await client.post(tool["endpoint"], json={})).json() == {"result": name}
            assert (await client.get(tool["endpoint"])).json()["name"] == name


def named(name: str) -> Any:
    async def tool() -> str:
        return name

    return tool


async def test_ambiguous_bare_name_is_404_with_every_full_name(make_app: MakeApp) -> None:
    servers = [MCPServer(name) for name in ("one", "two")]
    for server in servers:
        server.add_tool(named(server.name), name="who")
    async with opened(make_app(*servers)) as client:
        answer = await client.post("/call", json={"tool": "who"})
        assert (answer.status_code, answer.json()["type"]) == (404, "urn:multi-mcp:error:unknown-tool")
        assert "one_who" in answer.json()["detail"]
        assert "two_who" in answer.json()["detail"]
        assert (await client.post("/call", json={"tool": "two_who"})).json() == {"result": "two"}


@pytest.mark.parametrize("url", ["/moody/mcp/call", "/call", "/moody/mcp/tools/ask_tool"])
async def test_tool_that_asks_for_input_is_202_and_continues_with_the_answer(
    client: httpx2.AsyncClient, url: str
) -> None:
    first = await client.post(url, json={} if "tools/" in url else {"tool": "ask_tool"})
    asked = first.json()
    assert (first.status_code, asked["resultType"], len(asked["inputRequests"])) == (202, "input_required", 1)
    key, question = asked["inputRequests"].popitem()
    assert (question["method"], question["params"]["message"]) == ("elicitation/create", "How big?")
    body = {"tool": "ask_tool", "requestState": asked["requestState"], "inputResponses": {key: {"action": "decline"}}}
    answer = await client.post("/moody/mcp/call", json=body)
    assert (answer.status_code, answer.json()) == (200, {"result": "decline"})
    assert (await client.post("/moody/mcp/call", json=body)).status_code == 400


async def test_call_beyond_the_limit_in_flight_is_503_with_retry_after(make_app: MakeApp) -> None:
    app = make_app(servers_dir=("tests/routes/servers",), max_calls=1)
    async with opened(app) as client, anyio.create_task_group() as tasks:
        tasks.start_soon(partial(client.post, "/call", json={"tool": "wait_tool"}))
        answer = await client.post("/call", json={"tool": "seen"})
        while answer.status_code == 200:
            answer = await client.post("/call", json={"tool": "seen"})
        assert (answer.status_code, answer.json()["type"]) == (503, "urn:multi-mcp:error:unavailable")
        assert answer.headers["retry-after"] == "1"
        tasks.cancel_scope.cancel()
    assert answer.json()["detail"] == "Too many calls in flight: the limit is 1."


async def test_answer_has_a_content_length_and_is_not_chunked(client: httpx2.AsyncClient) -> None:
    answer = await client.post("/echo/mcp/call", json={"tool": "echo", "arguments": {"message": "ä" * 100}})
    assert int(answer.headers["content-length"]) == len(answer.content)
    assert "transfer-encoding" not in answer.headers
