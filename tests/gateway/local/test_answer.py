"""The exact JSON text of answers. The contract test compares the same answers as values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from mcp.server.mcpserver import Context, Image, MCPServer
from mcp_types import InputRequiredResult
from pydantic import BaseModel, Field

from tests.clients import post
from tests.conftest import MakeApp, server_of
from tests.transport import opened

pytestmark = pytest.mark.anyio


class Person(BaseModel):
    full_name: str = Field(alias="fullName")


def person() -> Person:
    return Person(fullName="Ada")


async def whole() -> int | float:
    return 40 + 2


async def large() -> int:
    return 2**70


async def fraction() -> float:
    return 42


async def untyped():  # type: ignore[no-untyped-def]
    return {"model": person(), "many": (1, 2.0), "text": "é\u2028"}


async def untyped_with_context(ctx: Context):  # type: ignore[no-untyped-def]
    return {"model": person(), "many": (1, 2.0), "text": "é\u2028"}


async def models() -> dict[str, Person]:
    return {"a": person()}


async def deep():  # type: ignore[no-untyped-def]
    return [[[Image(data=b"\0", format="png")], "text"], None]


UNTYPED = '{"model":{"fullName":"Ada"},"many":[1,2.0],"text":"é\u2028"}'
PIXEL = '{"type":"image","data":"AA==","mimeType":"image/png"}'
CASES: list[tuple[Callable[..., Any], str, str]] = [
    (whole, '{"result":42}', '{"result":42}'),
    (large, f'{{"result":{2**70}}}', f'{{"result":{2**70}}}'),
    (fraction, '{"result":42.0}', '{"result":42.0}'),
    (untyped, f'{{"result":{UNTYPED}}}', f'{{"result":{UNTYPED}}}'),
    (untyped_with_context, f'{{"result":{UNTYPED}}}', f'{{"result":{UNTYPED}}}'),
    (person, '{"result":{"fullName":"Ada"}}', '{"fullName":"Ada"}'),
    (models, '{"result":{"a":{"fullName":"Ada"}}}', '{"a":{"fullName":"Ada"}}'),
    (deep, f'{{"result":[{PIXEL},{{"type":"text","text":"text"}}]}}', ""),
]


@pytest.mark.parametrize(("tool", "call", "by_url"), CASES)
async def test_answer_has_the_expected_json_text(
    make_app: MakeApp, tool: Callable[..., Any], call: str, by_url: str
) -> None:
    async with opened(make_app(server_of(tool))) as client:
        for answer, expected in (
            (await post(client, tool.__name__), call),
            (await client.post(f"/one/mcp/tools/{tool.__name__}", json={}), by_url or call),
        ):
            assert answer.text == expected
            assert answer.headers["content-type"] == "application/json"
            assert int(answer.headers["content-length"]) == len(answer.content)


async def test_request_state_is_not_sent_if_the_function_cannot_read_it_back(make_app: MakeApp) -> None:
    server: MCPServer[Any] = MCPServer("one")

    @server.tool(structured_output=False)
    async def ask() -> Any:
        return InputRequiredResult(input_requests={}, request_state="secret")

    async with opened(make_app(server)) as http:
        answer = await post(http, "ask", {})
    assert (answer.status_code, answer.json()) == (202, {"resultType": "input_required", "inputRequests": {}})
