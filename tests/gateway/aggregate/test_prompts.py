"""Prompts over all servers: each listed name leads to its prompt, and asks only the servers that may have it."""

from __future__ import annotations

from typing import Any

import pytest
from mcp.server.mcpserver import MCPServer
from mcp.shared.exceptions import MCPError
from mcp_types import GetPromptRequestParams, GetPromptResult, PromptMessage, TextContent

from gateway.sdk.internals import low_level
from tests.clients import ERAS, Era, connected
from tests.conftest import MakeApp
from tests.gateway.aggregate.listing import FIRST, listing, raises
from tests.transport import opened

pytestmark = [pytest.mark.slow, pytest.mark.anyio]
PROMPTS = [("a", "b_c"), ("a_b", "c"), ("a", "b c"), ("a", "b.c"), ("a_b", "x" * 90), ("a_b", "x" * 91), ("a", "ä")]


def make(name: str) -> MCPServer[Any]:
    server: MCPServer[Any] = MCPServer(name)
    for owner, prompt in PROMPTS:
        if owner == name:
            server.prompt(name=prompt)(lambda text=f"{name} {prompt}": text)
    return server


@pytest.mark.parametrize("era", ERAS)
async def test_each_listed_name_leads_to_its_prompt(make_app: MakeApp, era: Era) -> None:
    async with opened(make_app(make("a"), make("a_b"))) as http, connected(http, era, "") as client:
        names = [prompt.name for prompt in (await client.list_prompts()).prompts]
        prompts: list[Any] = [await client.get_prompt(name) for name in names]
    assert len({*names}) == len(PROMPTS)
    assert sorted(prompt.messages[0].content.text for prompt in prompts) == sorted(map(" ".join, PROMPTS))


@pytest.mark.parametrize("era", ERAS)
async def test_only_servers_that_may_have_the_prompt_are_asked(make_app: MakeApp, era: Era) -> None:
    asked: list[str] = []

    async def answer(ctx: Any, params: Any) -> Any:
        asked.append(ctx.method)
        return FIRST[ctx.method]

    app = make_app(listing("other", answer), make("a"), make("a_b"))
    async with opened(app) as http, connected(http, era, "") as client:
        names = [prompt.name for prompt in (await client.list_prompts()).prompts if prompt.name.startswith("a_")]
        asked.clear()
        for name in names:
            await client.get_prompt(name)
        assert asked == []
        await client.get_prompt("b_c")  # a bare name
        assert asked == ["prompts/list"]


@pytest.mark.parametrize("era", ERAS)
async def test_prompt_that_its_server_does_not_list_is_got_by_its_name(make_app: MakeApp, era: Era) -> None:
    async def get(ctx: Any, params: GetPromptRequestParams) -> GetPromptResult:
        content = TextContent(type="text", text=f"hidden {params.name}")
        return GetPromptResult(messages=[PromptMessage(role="user", content=content)])

    server = listing("one", raises)
    low_level(server).add_request_handler("prompts/get", GetPromptRequestParams, get)
    async with opened(make_app(server, make("a"))) as http, connected(http, era, "") as client:
        prompt: Any = await client.get_prompt("one_secret")
        assert prompt.messages[0].content.text == "hidden secret"
        with pytest.raises(MCPError, match="Unknown prompt"):
            await client.get_prompt("a_nothing")
        with pytest.raises(MCPError, match="Unknown prompt: nothing"):
            await client.get_prompt("nothing")
