"""A server made with the SDK's low-level `Server`."""

from __future__ import annotations

import base64
from typing import Any

import anyio
import mcp_types as types
from mcp.server import Server
from mcp.server.context import ServerRequestContext
from mcp.server.subscriptions import InMemorySubscriptionBus, ListenHandler
from mcp.shared.exceptions import MCPError

from tests.contract.makes.expected import PIXEL, SECRET

Context = ServerRequestContext[Any, Any]
OBJECT: dict[str, Any] = {"type": "object"}
NUMBER = {"type": "object", "properties": {"result": {"type": "integer"}}, "required": ["result"]}
QUESTION: dict[str, Any] = {"type": "object", "properties": {"size": {"type": "integer"}}, "required": ["size"]}
TOOLS = {
    name: types.Tool(name=name, description=name, input_schema=OBJECT, output_schema=schema)
    for name, schema in {
        **{"add": NUMBER, "data": OBJECT, "say": None, "picture": None, "steps": None, "asks": None, "waits": None},
        **{"says_no": None, "protocol_says_no": None, "crashes": None, "exits": None},
        **{"is_no_json": None, "is_large": None, "adds_a_tool": None},
    }.items()
}


def text(words: str, is_error: bool = False) -> types.CallToolResult:
    return types.CallToolResult(content=[types.TextContent(type="text", text=words)], is_error=is_error)


def structured(value: Any) -> types.CallToolResult:
    return types.CallToolResult(content=[], structured_content=value)


class Kinds:
    """The handlers. `seen` are the names of the tools that ran, and of the calls that were cancelled."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.tools = dict(TOOLS)
        self.began = anyio.Event()
        self.bus = InMemorySubscriptionBus()
        self.server: Server[Any] = Server(
            "one",
            on_list_tools=self.list_tools,
            on_call_tool=self.call_tool,
            on_list_resources=self.list_resources,
            on_read_resource=self.read_resource,
            on_list_prompts=self.list_prompts,
            on_get_prompt=self.get_prompt,
            on_completion=self.complete,
            on_subscriptions_listen=ListenHandler(self.bus),
        )

    async def list_tools(self, ctx: Context, params: types.PaginatedRequestParams | None) -> types.ListToolsResult:
        """Lists three tools a page."""
        first = int(params.cursor) if params is not None and params.cursor else 0
        tools = [*self.tools.values()]
        after = str(first + 3) if first + 3 < len(tools) else None
        return types.ListToolsResult(tools=tools[first : first + 3], next_cursor=after)

    async def call_tool(self, ctx: Context, params: types.CallToolRequestParams) -> types.CallToolResult:
        self.seen.append(params.name)
        handler = getattr(self, params.name, None)
        if params.name not in self.tools or handler is None:
            return text(f"Unknown tool: {params.name}", is_error=True)
        result: types.CallToolResult = await handler(ctx, **(params.arguments or {}))
        return result

    async def add(self, ctx: Context, a: int, b: int) -> types.CallToolResult:
        return structured({"result": a + b})

    async def data(self, ctx: Context) -> types.CallToolResult:
        return structured({"a": [1, 2]})

    async def say(self, ctx: Context, text: str) -> types.CallToolResult:
        return types.CallToolResult(content=[types.TextContent(type="text", text=text)])

    async def picture(self, ctx: Context) -> types.CallToolResult:
        assert base64.b64decode(PIXEL)
        return types.CallToolResult(content=[types.ImageContent(type="image", data=PIXEL, mime_type="image/png")])

    async def steps(self, ctx: Context, count: int) -> types.CallToolResult:
        token = (ctx.meta or {}).get("progress_token")
        for step in range(count):
            if token is not None:
                await ctx.session.send_progress_notification(token, step + 1, count, None, str(ctx.request_id))
        return text("done")

    async def asks(self, ctx: Context) -> types.CallToolResult:
        answer = await ctx.session.elicit_form("How big?", QUESTION, related_request_id=ctx.request_id)
        return text(f"{answer.action} {answer.content}")

    async def waits(self, ctx: Context) -> types.CallToolResult:
        self.began.set()
        try:
            await anyio.sleep_forever()
        finally:
            self.seen.append("cancelled")
        raise AssertionError

    async def says_no(self, ctx: Context) -> types.CallToolResult:
        return text("not today", is_error=True)

    async def protocol_says_no(self, ctx: Context) -> types.CallToolResult:
        raise MCPError(-32050, "not at this time")

    async def crashes(self, ctx: Context) -> types.CallToolResult:
        raise RuntimeError(SECRET)

    async def exits(self, ctx: Context) -> types.CallToolResult:
        raise SystemExit(SECRET)

    async def is_no_json(self, ctx: Context) -> types.CallToolResult:
        return text(f"\ud800 {SECRET}")

    async def is_large(self, ctx: Context) -> types.CallToolResult:
        return text("x" * 100_000)

    async def adds_a_tool(self, ctx: Context) -> types.CallToolResult:
        self.tools["later_tool"] = TOOLS["data"].model_copy(update={"name": "later_tool"})
        return text("added")

    async def later_tool(self, ctx: Context) -> types.CallToolResult:
        return structured({"later": True})

    async def list_resources(
        self, ctx: Context, params: types.PaginatedRequestParams | None
    ) -> types.ListResourcesResult:
        return types.ListResourcesResult(resources=[types.Resource(uri="note://one", name="one")])

    async def read_resource(self, ctx: Context, params: types.ReadResourceRequestParams) -> types.ReadResourceResult:
        if params.uri != "note://one":
            raise RuntimeError(SECRET)
        return types.ReadResourceResult(contents=[types.TextResourceContents(uri=params.uri, text="the note")])

    async def list_prompts(self, ctx: Context, params: types.PaginatedRequestParams | None) -> types.ListPromptsResult:
        return types.ListPromptsResult(prompts=[types.Prompt(name="greet")])

    async def get_prompt(self, ctx: Context, params: types.GetPromptRequestParams) -> types.GetPromptResult:
        if params.name != "greet":
            raise ValueError(SECRET)
        content = types.TextContent(type="text", text="Hello.")
        return types.GetPromptResult(messages=[types.PromptMessage(role="user", content=content)])

    async def complete(self, ctx: Context, params: types.CompleteRequestParams) -> types.CompleteResult:
        return types.CompleteResult(completion=types.Completion(values=[params.argument.value + "!"]))
