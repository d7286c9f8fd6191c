"""A session that the server has lost: the one that replaces it is told what clients wish."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anyio
import pytest

from tests.clients import connected
from tests.gateway.upstream.calls.test_wishes import NOTE, Watcher
from tests.gateway.upstream.conftest import Serving, status
from tests.gateway.upstream.http.peer import CAPABILITIES, Answer, Asked, legacy
from tests.gateway.upstream.http.peer import serving as serving_peer

pytestmark = [
    pytest.mark.slow,
    pytest.mark.anyio,
    pytest.mark.filterwarnings("ignore::mcp.shared.exceptions.MCPDeprecationWarning"),
]


class Forgetful:
    """`told` has each wish with the session in which it came. Sessions of `lost` are unknown."""

    def __init__(self) -> None:
        self.told: list[tuple[str, str]] = []
        self.lost: set[str] = set()
        self.answer: Answer = legacy(self.take)

    async def take(self, asked: Asked) -> None:
        session = asked.headers.get("mcp-session-id", "")
        if session in self.lost:
            asked.answer(b"", 404)
        elif asked.rpc == "tools/list":
            asked.result({"tools": [{"name": "tool", "inputSchema": {"type": "object"}}]})
        elif asked.rpc in ("logging/setLevel", "resources/subscribe"):
            self.told.append((asked.rpc, session))
            asked.result({})
        else:
            asked.result({"content": [], "resources": [], "prompts": []})


async def test_new_session_is_told_again_what_is_watched_and_the_log_level(
    serving: Serving, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(CAPABILITIES, "resources", {"subscribe": True})
    monkeypatch.setitem(CAPABILITIES, "logging", {})
    watcher, server = Watcher(), Forgetful()
    async with serving_peer(server.answer) as peer, serving(one={"url": peer.url, "era": "legacy"}) as http:
        await status(http)
        async with connected(http, "legacy", message_handler=watcher.hear) as client:
            await client.session.subscribe_resource(NOTE)
            await client.session.set_logging_level("error")
            (_, own), (_, clients) = server.told
            server.lost |= {own, clients}
            await client.call_tool("tool")
            await client.session.subscribe_resource("note://b")
            await watcher.hears(1)
            replaced: Any = [(method, session) for method, session in server.told[2:] if session not in server.lost]
            with anyio.fail_after(5):
                while len(replaced) < 3:
                    await anyio.sleep(0.01)
                    replaced = server.told[2:]
    assert sorted(method for method, _ in replaced) == [
        "logging/setLevel",
        "resources/subscribe",
        "resources/subscribe",
    ]
    assert watcher.heard == [NOTE]
