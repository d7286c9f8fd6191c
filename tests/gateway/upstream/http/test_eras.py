"""The era of the protocol that a server speaks, and how that is found out."""

from __future__ import annotations

import pytest

from gateway.upstream.config import Upstream
from gateway.upstream.http.entry import Clients
from gateway.upstream.http.opening import HttpOpening
from gateway.upstream.link import LinkFailure, Refusal
from tests.gateway.upstream.http.peer import Answer, Asked, call, ignored, legacy, linked, modern, serving

pytestmark = pytest.mark.anyio
GOOD = {"content": [], "isError": False}


async def good(asked: Asked) -> None:
    asked.result(GOOD)


def discovering(answer: Answer) -> Answer:
    """Answers `server/discover` with `answer`, and everything else as a server of sessions."""
    sessions = legacy(good)

    async def answered(asked: Asked) -> None:
        await (answer if asked.rpc == "server/discover" else sessions)(asked)

    return answered


@pytest.mark.parametrize("status", [200, 400, 404, 405, 406, 415, 422])
@pytest.mark.parametrize("is_rpc", [False, True])
async def test_a_server_that_refuses_to_be_discovered_has_sessions(status: int, is_rpc: bool) -> None:
    async def answer(asked: Asked) -> None:
        if is_rpc:
            asked.answer(asked.encoded(error={"code": -32600, "message": "no"}), status)
        elif status == 200:
            asked.result({"supportedVersions": ["2025-11-25"], "capabilities": {}})
        else:
            asked.answer(b"no", status)

    async with serving(discovering(answer)) as peer, linked(peer.url) as link:
        assert (link.identity.version, link.identity.server_info) == ("2025-11-25", {"name": "old"})
        assert await call(link) == GOOD
    async with serving(discovering(answer)) as peer:
        with pytest.raises(LinkFailure, match="it does not speak 2026-07-28"):
            await HttpOpening(Clients(Upstream(type="http", url=peer.url, era="modern"), {}))(ignored)
        assert peer.named("initialize") == []


@pytest.mark.parametrize("status", [401, 403, 408, 429, 500, 502, 503])
@pytest.mark.parametrize("is_rpc", [False, True])
async def test_nothing_is_concluded_about_the_era_from_an_outage(status: int, is_rpc: bool) -> None:
    async def answer(asked: Asked) -> None:
        asked.answer(asked.encoded(error={"code": -32603, "message": "no"}) if is_rpc else b"", status)

    async with serving(discovering(answer)) as peer:
        with pytest.raises(LinkFailure, match=f"status {status}"):
            await HttpOpening(Clients(Upstream(type="http", url=peer.url), {}))(ignored)
        assert peer.named("initialize") == []


@pytest.mark.parametrize("version", ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"])
async def test_each_revision_with_sessions_is_spoken(version: str) -> None:
    async def answer(asked: Asked) -> None:
        if asked.rpc == "initialize":
            asked.result({"protocolVersion": version, "capabilities": {}})
        else:
            await sessions(asked)

    sessions = legacy(good)
    async with serving(answer) as peer, linked(peer.url, era="legacy") as link:
        await call(link)
        assert peer.asked[-1].headers["mcp-protocol-version"] == link.identity.version == version


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (-32022, "no"),
        (-32600, "Bad Request: Unsupported protocol version"),
        (-32600, "Bad Request: Missing session ID"),
    ],
)
async def test_a_server_that_was_replaced_by_an_older_one_ends_the_link(code: int, message: str) -> None:
    """Whoever opens it again finds out the era anew."""

    async def answer(asked: Asked) -> None:
        asked.error(code, message, 400)

    async with serving(modern(answer)) as peer, linked(peer.url) as link:
        with pytest.raises(Refusal):
            await call(link)
        assert await link.ended() == "it does not speak 2026-07-28 any more"
