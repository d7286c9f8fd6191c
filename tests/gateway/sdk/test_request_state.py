"""The keys of `requestState`: what they open, for whom, and how they are rotated."""

from __future__ import annotations

import asyncio
import secrets
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx2
import pytest
from mcp.server.mcpserver import Context, RequestStateSecurity
from mcp_types import ElicitRequest, ElicitRequestFormParams, InputRequiredResult
from starlette.applications import Starlette

from tests.conftest import MakeApp, WriteServers, server_of
from tests.matrix.principals import GREEDY, MODEST, principals
from tests.transport import opened

pytestmark = pytest.mark.anyio
Http = httpx2.AsyncClient
OLD, NEW = secrets.token_hex(32), secrets.token_hex(32)
UNKNOWN = "This `requestState` is not of this call, or has expired."


async def asks(dish: str, ctx: Context[Any, Any]) -> InputRequiredResult | str:
    if ctx.input_responses is None:
        params = ElicitRequestFormParams(message="How big?", requested_schema={"type": "object", "properties": {}})
        return InputRequiredResult(input_requests={"size": ElicitRequest(params=params)}, request_state="mine")
    return f"{dish}, {ctx.request_state}"


async def asks_too(dish: str, ctx: Context[Any, Any]) -> InputRequiredResult | str:
    return await asks(dish, ctx)


def replica(make_app: MakeApp, *ring: str, **settings: Any) -> Starlette:
    servers = [server_of(asks, asks_too, name=name) for name in ("one", "two")]
    return make_app(*servers, state_keys=ring, **settings)


async def asked(http: Http, who: dict[str, str] | None = None) -> Any:
    body = {"tool": "asks", "arguments": {"dish": "cake"}}
    return (await http.post("/one/mcp/call", json=body, headers=who)).json()


async def answered(http: Http, question: Any, **changed: Any) -> httpx2.Response:
    server, who = changed.pop("server", "one"), changed.pop("who", None)
    body = {"tool": "asks", "arguments": {"dish": "cake"}, "requestState": question["requestState"]}
    body |= {"inputResponses": {"size": {"action": "decline"}}} | changed
    return await http.post(f"/{server}/mcp/call", json=body, headers=who)


@pytest.mark.slow
async def test_keys_are_rotated_in_three_steps_and_no_continuation_is_lost(make_app: MakeApp) -> None:
    rings = [(OLD,), (OLD, NEW), (NEW, OLD), (NEW,)]
    results: Counter[str] = Counter()

    async def round_trip(first: Http, second: Http) -> None:
        question = await asked(first)
        results[(await answered(second, question)).text] += 1

    for before, after in pairwise(rings):
        async with opened(replica(make_app, *before)) as one, opened(replica(make_app, *after)) as other:
            pairs = [(one, other), (other, one), (one, one), (other, other)] * 25
            await asyncio.gather(*(round_trip(*pair) for pair in pairs))
    assert results == {'{"result":"cake, mine"}': 300}


@pytest.mark.slow
async def test_state_is_refused_without_its_key(make_app: MakeApp) -> None:
    async with opened(replica(make_app, OLD)) as one, opened(replica(make_app, NEW)) as other:
        refused = await answered(other, await asked(one))
    assert (refused.status_code, refused.json()["detail"]) == (400, UNKNOWN)


@pytest.mark.parametrize(
    "changed",
    [{"server": "two"}, {"tool": "asks_too"}, {"arguments": {"dish": "pie"}}, {"who": MODEST}, {"who": GREEDY}],
)
@pytest.mark.slow
async def test_state_is_valid_for_one_server_tool_call_and_principal_over_replicas(
    make_app: MakeApp, tmp_path: Path, changed: dict[str, Any]
) -> None:
    settings = principals(tmp_path)
    async with opened(replica(make_app, OLD, **settings)) as one, opened(replica(make_app, OLD, **settings)) as other:
        question = await asked(one, GREEDY)
        answer = await answered(other, question, **({"who": GREEDY} | changed))
    if changed == {"who": GREEDY}:
        assert answer.json() == {"result": "cake, mine"}
    else:
        assert (answer.status_code, answer.json()["detail"]) == (400, UNKNOWN)


async def test_servers_that_their_author_called_the_same_have_different_states(
    make_app: MakeApp, write_servers: WriteServers
) -> None:
    source = "from mcp.server.mcpserver import MCPServer\nfrom tests.gateway.sdk.test_request_state import asks\n"
    source += "mcp = MCPServer('same')\nmcp.tool()(asks)\n"
    write_servers({"one_server.py": source, "two_server.py": source})
    async with opened(make_app(servers=("one", "two"), state_keys=(OLD,))) as http:
        question = await asked(http)
        refused = await answered(http, question, server="two")
        assert (refused.status_code, refused.json()["detail"]) == (400, UNKNOWN)
        assert (await answered(http, question)).json() == {"result": "cake, mine"}


async def test_policy_of_the_servers_author_stays(make_app: MakeApp) -> None:
    policy = RequestStateSecurity(keys=[NEW], audience="the author's")
    apps = [make_app(server_of(asks, request_state_security=policy), state_keys=(key,)) for key in (OLD, NEW)]
    async with opened(apps[0]) as one, opened(apps[1]) as other:
        assert (await answered(other, await asked(one))).json() == {"result": "cake, mine"}
