"""A server with resources, prompts and completions, and requests for them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import anyio
import pytest
from mcp import Client
from mcp.server.mcpserver import MCPServer
from mcp.shared.exceptions import MCPError
from mcp_types import Completion, PromptReference

from tests.conftest import server_of

Ask = Callable[[Client], Coroutine[Any, Any, Any]]


async def quick() -> str:
    return "quick"


def serving(name: str = "one", wait: Callable[[], Awaitable[Any]] = anyio.sleep_forever) -> MCPServer[Any]:
    """Returns a server whose resources, prompts and completions wait before they answer."""
    mcp = server_of(quick, name=name)

    @mcp.resource("data://fixed")
    async def fixed() -> str:
        await wait()
        return "fixed"

    @mcp.resource("data://of/{key}")
    async def templated(key: str) -> str:
        await wait()
        return key

    @mcp.prompt()
    async def greet(name: str) -> str:
        await wait()
        return f"Hello {name}"

    @mcp.completion()  # type: ignore[no-untyped-call,untyped-decorator]
    async def complete(ref: Any, argument: Any, context: Any) -> Completion:
        await wait()
        return Completion(values=["Ada"])

    return mcp


async def read(client: Client) -> Any:
    return await client.read_resource("data://fixed")


async def read_template(client: Client) -> Any:
    return await client.read_resource("data://of/a")


async def prompt(client: Client) -> Any:
    [listed] = (await client.list_prompts()).prompts
    return await client.get_prompt(listed.name, {"name": "Ada"})


async def complete(client: Client) -> Any:
    [listed] = (await client.list_prompts()).prompts
    return await client.complete(PromptReference(name=listed.name), {"name": "name", "value": "A"})


REQUESTS: dict[str, Ask] = {
    "resources/read": read,
    "resources/read of a template": read_template,
    "prompts/get": prompt,
    "completion/complete": complete,
}
METHODS = {name: name.partition(" ")[0] for name in REQUESTS}


async def at_once() -> None:
    pass


async def error_type(ask: Awaitable[Any]) -> str:
    with pytest.raises(MCPError) as caught:
        await ask
    return str((caught.value.error.data or {}).get("type"))
