"""The scope that a scrape needs, and the separate port of the metrics."""

from __future__ import annotations

from pathlib import Path

import pytest
from starlette.types import Message

from gateway.caller import Caller, caller
from routes.metrics import Metrics, OwnPort
from tests.calls import Granted
from tests.conftest import MakeApp, server_of
from tests.keys import add_key, bearer
from tests.routes.counted import Counted
from tests.routes.raw import HOST, ask
from tests.transport import opened

pytestmark = pytest.mark.anyio


async def add(a: int, b: int) -> int:
    return a + b


def refused(reason: str) -> None: ...


@pytest.mark.parametrize(
    ("grants", "status"),
    [(None, 200), (Granted(), 403), (Granted(("math", "add")), 403), (Granted(("metrics", "scrape")), 200)],
)
async def test_scrape_by_a_caller_with_scopes_needs_the_scope_metrics_scrape(
    grants: Granted | None, status: int
) -> None:
    reasons: list[str] = []
    token = caller.set(Caller(name="ci", grants=grants))
    answer = await ask(Metrics(Counted(), reasons.append), "GET", "/metrics")
    caller.reset(token)
    assert answer.status == status
    assert reasons == ([] if status == 200 else ["forbidden"])
    if status == 403:
        assert answer.document["detail"] == "The metrics need the scope metrics:scrape."


@pytest.mark.parametrize(
    ("scope", "status"), [("*:*", 403), ("metrics:scrape", 200), ("metrics:*", 200), ("admin", 200)]
)
async def test_scope_for_all_servers_does_not_include_the_metrics(
    make_app: MakeApp, tmp_path: Path, scope: str, status: int
) -> None:
    key = add_key(tmp_path / "keys.json", "ci", scope)
    app = make_app(server_of(add), metrics="/metrics", auth_keys=str(tmp_path / "keys.json"))
    async with opened(app) as http:
        assert (await http.get("/metrics", headers=bearer(key))).status_code == status


async def unreachable(scope: object, receive: object, send: object) -> None:
    raise AssertionError("the request was passed on")


async def test_open_metrics_need_no_scope() -> None:
    token = caller.set(Caller(grants=Granted()))
    answer = await ask(Metrics(Counted(), refused, is_open=True), "GET", "/metrics")
    caller.reset(token)
    assert answer.status == 200


async def test_own_port_serves_the_metrics_and_nothing_else(make_app: MakeApp) -> None:
    """The ASGI scope has the port that received the request: 8000 in these tests."""
    async with opened(here := make_app(server_of(add), metrics="/metrics", metrics_port=8000)):
        assert (await ask(here, "GET", "/metrics")).status == 200
        for path in ("/health", "/one/mcp/call", "/mcp", "/metrics/", "/"):
            answer = await ask(here, "GET", path)
            assert (answer.status, answer.document["type"]) == (404, "urn:multi-mcp:error:not-found")
    async with opened(elsewhere := make_app(server_of(add), metrics="/metrics", metrics_port=9100)):
        assert (await ask(elsewhere, "GET", "/metrics")).status == 404
        assert (await ask(elsewhere, "GET", "/health", (HOST,))).status == 200


async def test_own_port_refuses_websockets() -> None:
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        return {"type": "websocket.connect"}

    scope = {"type": "websocket", "path": "/ws", "server": ("127.0.0.1", 9100), "headers": []}
    await OwnPort(unreachable, 9100, "/metrics")(scope, receive, send)
    assert sent == [{"type": "websocket.close", "code": 1008, "reason": ""}]
