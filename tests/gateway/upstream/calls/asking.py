"""A client that can be asked, and the application in front of a server that asks."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import httpx2
from mcp import Client
from mcp_types import (
    CreateMessageRequestParams,
    CreateMessageResult,
    ElicitRequestParams,
    ElicitResult,
    ListRootsResult,
    Root,
    TextContent,
)

from tests.clients import Era, connected


class Person:
    """Answers what a server asks. `asked` has what it was asked; it thinks while `thinks` is not set."""

    def __init__(self, name: str = "Ann") -> None:
        self.name = name
        self.asked: list[str] = []
        self.logged: list[Any] = []
        self.thinks = anyio.Event()
        self.thinks.set()

    async def elicit(self, context: Any, params: ElicitRequestParams) -> ElicitResult:
        self.asked.append(params.message)
        await self.thinks.wait()
        return ElicitResult(action="accept", content={"name": self.name})

    async def sample(self, context: Any, params: CreateMessageRequestParams) -> CreateMessageResult:
        self.asked.append("sampling")
        return CreateMessageResult(role="assistant", content=TextContent(type="text", text=self.name), model="m")

    async def roots(self, context: Any) -> ListRootsResult:
        self.asked.append("roots")
        return ListRootsResult(roots=[Root.model_validate({"uri": f"file:///{self.name}"})])

    async def log(self, params: Any) -> None:
        self.logged.append((params.level, params.data))

    @property
    def callbacks(self) -> dict[str, Any]:
        return {
            "elicitation_callback": self.elicit,
            "sampling_callback": self.sample,
            "list_roots_callback": self.roots,
            "logging_callback": self.log,
        }


@asynccontextmanager
async def asked(
    http: httpx2.AsyncClient, era: Era, person: Person, server: str = "one", **options: Any
) -> AsyncIterator[Client]:
    """Connects a client that this person answers for."""
    async with connected(http, era, server, **person.callbacks, **options) as client:
        yield client


async def said(client: Client, tool: str, **arguments: Any) -> str:
    """Calls a tool, and returns its text."""
    with anyio.fail_after(10):
        result = await client.call_tool(tool, arguments)
    return "".join(block.text for block in result.content if block.type == "text")
