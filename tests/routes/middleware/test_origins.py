"""Origins that are allowed by name: pages of desktop applications, and of sites without the router's host."""

from __future__ import annotations

import pytest

from tests import wire
from tests.conftest import MakeApp
from tests.shipped import shipped
from tests.sockets import Refused, connected
from tests.transport import opened

pytestmark = pytest.mark.anyio
DESKTOP = ["tauri://localhost", "app://obsidian.md", "vscode-file://vscode-app", "https://app.example.com:8443"]


@pytest.mark.parametrize("origin", DESKTOP)
@pytest.mark.slow
async def test_named_origin_is_allowed_without_its_host(make_app: MakeApp, origin: str) -> None:
    app = make_app(servers_dir=(shipped(),), allowed_origins=(origin,))
    other_port = origin.removesuffix(":8443") + ":1"
    async with opened(app) as client:
        for sent in (origin, origin.upper()):
            answer = await client.get("/tools", headers={"origin": sent})
            assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (200, sent)
            preflight = {"origin": sent, "access-control-request-method": "POST"}
            assert (await client.options("/mcp", headers=preflight)).status_code == 204
            legacy = {**wire.BOTH_TYPES, "origin": sent}
            assert (await client.post("/math/mcp", json=wire.INITIALIZE, headers=legacy)).status_code == 200
        for other in (*{*DESKTOP} - {origin}, "null", other_port, origin + "/", origin + ".evil.com", "x" + origin):
            answer = await client.get("/tools", headers={"origin": other})
            assert (answer.status_code, "MCP_ALLOWED_ORIGINS" in answer.json()["detail"]) == (403, True)
        host = origin.partition("://")[2]
        allowed = host.partition(":")[0] == "localhost"
        assert (await client.get("/tools", headers={"host": host})).status_code == (200 if allowed else 421)


async def test_websocket_of_a_named_origin_is_accepted(make_app: MakeApp) -> None:
    app = make_app(servers_dir=(shipped(),), allowed_origins=("tauri://localhost",))
    async with opened(app):
        async with connected(app, "/ws", [(b"origin", b"tauri://localhost")]) as socket:
            call = {"id": 1, "tool": "math_add_tool", "arguments": {"a": 1, "b": 2}}
            assert await socket.ask(call) == {"id": 1, "result": 3}
        with pytest.raises(Refused) as refused:
            async with connected(app, "/ws", [(b"origin", b"app://obsidian.md")]):
                pass
    assert refused.value.status == 403
