"""Arguments under the names that models see reach the tool under its own, from every way in."""

from __future__ import annotations

from typing import Any

import pytest
from mcp.server.mcpserver import MCPServer
from pydantic import BaseModel, Field

from tests.conftest import MakeApp, server_of
from tests.routes.vendors.rules import functions
from tests.routes.websocket.sockets import talking
from tests.transport import opened

pytestmark = pytest.mark.anyio
LONG = "A Name Of More Than Sixty Four Characters As Only A Generator Would Make"


class Part(BaseModel):
    count: int = Field(alias="größe")
    parts: list[Part] = Field(default=[], alias="the parts")


async def built(
    größe: int,  # noqa: PLC2401
    a_name_of_more_than_sixty_four_characters_as_only_a_generator_would_make: int = 0,
    part: Part | str | None = None,
    by_name: dict[str, Part] = {},  # noqa: B006
    pair: tuple[int, Part] | None = None,
) -> list[Any]:
    return [größe, a_name_of_more_than_sixty_four_characters_as_only_a_generator_would_make, part, by_name, pair]


def dumped(count: int, parts: list[Any] | None = None) -> dict[str, Any]:
    return {"größe": count, "the parts": parts or []}


def server() -> MCPServer[Any]:
    return server_of(built)


async def names_in(client: Any, format_name: str) -> dict[str, str]:
    """Returns the name that a model sees for each property of the tool and of a part."""
    shown = (await client.get("/one/mcp/tools", params={"format": format_name})).json()
    ((_, _, schema),) = functions(shown)
    properties = {**schema["properties"], **schema["$defs"]["Part"]["properties"]}
    return {part["title"]: name for name, part in properties.items() if "title" in part}


@pytest.mark.parametrize("format_name", ["openai", "openai-responses", "anthropic", "gemini"])
@pytest.mark.parametrize("url", ["/call", "/one/mcp/call", "/one/mcp/tools/built"])
async def test_names_that_models_see_are_read_at_any_depth(make_app: MakeApp, format_name: str, url: str) -> None:
    async with opened(make_app(server())) as client:
        name = await names_in(client, format_name)
        size, parts = name["Größe"], name["The Parts"]
        arguments = {
            **{size: 1, name[LONG]: 2, "part": {size: 3, parts: [{size: 4, parts: [{size: 5}]}]}},
            **{"by_name": {"größe": {size: 6}, "a b": {size: 7}}, "pair": [8, {size: 9}]},
        }
        body = arguments if url.endswith("built") else {"tool": "built", "arguments": arguments}
        answer = (await client.post(url, json=body)).json()
    part = dumped(3, [dumped(4, [dumped(5)])])
    assert answer["result"] == [1, 2, part, {"größe": dumped(6), "a b": dumped(7)}, [8, dumped(9)]]


async def test_names_that_models_see_are_read_over_a_websocket(make_app: MakeApp) -> None:
    async with opened(make_app(server())) as client:
        name = await names_in(client, "anthropic")
    async with talking(make_app(server())) as socket:
        answer = await socket.ask({"id": 1, "tool": "built", "arguments": {name["Größe"]: 1, name[LONG]: 2}})
    assert answer["result"][:2] == [1, 2]


async def test_own_names_and_strings_of_json_are_read_as_before(make_app: MakeApp) -> None:
    async with opened(make_app(server())) as client:
        call = {"tool": "built", "arguments": '{"größe": 1, "part": {"größe": 3}}'}
        assert (await client.post("/call", json=call)).json()["result"][:3] == [1, 0, dumped(3)]


async def test_own_name_wins_over_the_one_that_models_see(make_app: MakeApp) -> None:
    async with opened(make_app(server())) as client:
        name = await names_in(client, "gemini")
        call = {"tool": "built", "arguments": {"größe": 1, name["Größe"]: 2}}
        assert (await client.post("/call", json=call)).json()["result"][0] == 1


async def test_arguments_of_any_depth_do_no_harm(make_app: MakeApp) -> None:
    deep: Any = {}
    for _ in range(90):
        deep = {"größe": 1, "the parts": [deep]}
    async with opened(make_app(server())) as client:
        answer = await client.post("/one/mcp/call", json={"tool": "built", "arguments": {"größe": 1, "part": deep}})
    assert answer.status_code in (200, 422)
