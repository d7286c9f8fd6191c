"""Calls that wait for input: the share of one principal, and the number over all servers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest

from tests.clients import post
from tests.conftest import MakeApp
from tests.gateway.local.test_context_calls import Asking
from tests.matrix.principals import GREEDY, MODEST, principals
from tests.transport import opened

pytestmark = [pytest.mark.slow, pytest.mark.anyio]
Http = httpx2.AsyncClient


async def asked(http: Http, who: dict[str, str], server: str = "one", tool: str = "asks") -> httpx2.Response:
    return await http.post(f"/{server}/mcp/call", json={"tool": tool}, headers=who)


async def declined(http: Http, question: Any, tool: str = "asks") -> httpx2.Response:
    replies = {key: {"action": "decline"} for key in question["inputRequests"]}
    body = {"tool": tool, "requestState": question["requestState"], "inputResponses": replies}
    return await http.post("/one/mcp/call", json=body, headers=GREEDY)


async def asked_at_last(http: Http, tool: str = "asks") -> Any:
    """Asks again and again until the place of another call is free. Returns the question."""
    with anyio.fail_after(5):
        while (answer := await asked(http, GREEDY, tool=tool)).status_code != 202:
            await anyio.lowlevel.checkpoint()
    return answer.json()


async def test_principal_leaves_its_share_of_the_waiting_calls_and_others_leave_theirs(
    make_app: MakeApp, tmp_path: Path
) -> None:
    async with opened(make_app(Asking().server, **principals(tmp_path))) as http:
        waiting = [(await asked(http, GREEDY)).json() for _ in range(25)]
        refused = await asked(http, GREEDY)
        assert (refused.status_code, refused.headers["retry-after"]) == (429, "1")
        assert refused.json()["type"] == "urn:multi-mcp:error:share-exceeded"
        assert refused.json()["detail"] == "Too many calls that wait for input: one caller may have 25 of 100."
        assert (await asked(http, MODEST)).status_code == 202
        assert (await declined(http, waiting[0])).json() == {"result": "decline"}
        assert (await asked(http, GREEDY)).status_code == 202
        assert (await asked(http, GREEDY)).status_code == 429


async def test_principal_has_one_share_of_the_waiting_calls_of_all_servers(make_app: MakeApp, tmp_path: Path) -> None:
    servers = [Asking(name).server for name in (*"abcdefghijk", "one")]
    async with opened(make_app(*servers, **principals(tmp_path))) as http:
        statuses = [(await asked(http, GREEDY, server)).status_code for server in "abcdefghij" for _ in range(25)]
        assert statuses == [202] * 250
        assert (await asked(http, GREEDY, "k")).status_code == 429
        assert (await asked(http, MODEST, "k")).status_code == 202


async def test_waiting_call_gives_its_place_back_at_every_end(make_app: MakeApp, tmp_path: Path) -> None:
    asking = Asking()
    app = make_app(asking.server, input_timeout=1, max_share=0.001, **principals(tmp_path))
    async with opened(app) as http:
        question = (await asked(http, GREEDY)).json()
        assert (await asked(http, GREEDY)).status_code == 429
        assert (await declined(http, question)).status_code == 200
        assert (await asked(http, GREEDY)).status_code == 202
        await asked_at_last(http)  # the other one expires
        question = await asked_at_last(http, "asks_then_never")
        asking.begun = anyio.Event()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(declined, http, question, "asks_then_never")
            await asking.begun.wait()
            tasks.cancel_scope.cancel()  # the client leaves in the continued call
        await asked_at_last(http)


async def test_waiting_calls_of_all_clients_are_bounded_without_authentication(make_app: MakeApp) -> None:
    async with opened(make_app(Asking().server)) as http:
        assert [(await post(http, "asks")).status_code for _ in range(101)] == [202] * 100 + [503]
