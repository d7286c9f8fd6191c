"""A real router whose one principal opens all that it can, by every way in, while another one works."""

from __future__ import annotations

import asyncio
import json
import re
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest

from tests import wire
from tests.keys import add_key, bearer
from tests.process.live.note import Note
from tests.process.live.router import Router

pytestmark = pytest.mark.process
Headers = dict[str, str]


async def openings(router: Router, url: str, who: Headers, count: int) -> Counter[int]:
    """Opens `count` sessions over four connections, and returns how many answers had which status."""
    statuses: Counter[int] = Counter()
    body = json.dumps(wire.INITIALIZE).encode()
    fields = {"host": "localhost", **wire.BOTH_TYPES, **who, "content-length": str(len(body))}
    head = f"POST {url} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in fields.items()) + "\r\n"
    left = iter(range(count))

    async def open_some() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", router.port)
        for _ in left:
            writer.write(head.encode() + body)
            answer = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
            if (length := re.search("content-length: ([0-9]+)", answer)) is not None:
                await reader.readexactly(int(length[1]))
            else:
                await reader.readuntil(b"\r\n0\r\n\r\n")
            status = int(answer.split()[1])
            statuses[status] += 1
            assert (status == 429) == ("\r\nretry-after: 1\r\n" in answer)
        writer.close()
        await writer.wait_closed()

    await asyncio.gather(*[open_some() for _ in range(4)])
    return statuses


async def opens_its_share(folder: Path, limit: int) -> None:
    """Checks what three keys can open of `limit` sessions: none without a scope, a quarter each with one."""
    path = folder / "keys.json"
    scopes = {"stranger": "echo:reverse_tool", "greedy": "math:add_tool", "modest": "math:*"}
    stranger, greedy, modest = (bearer(add_key(path, name, scope)) for name, scope in scopes.items())
    share = limit // 4
    with Router(folder, MCP_AUTH_KEYS=str(path), MCP_MAX_SESSIONS=str(limit)) as router:
        router.await_table()
        assert await openings(router, "/math/mcp", stranger, share) == {403: share}
        assert await openings(router, "/math/mcp", greedy, share + 50) == {200: share, 429: 50}
        assert await openings(router, "/math/mcp", modest, 20) == {200: 20}
        assert await openings(router, "/mcp", greedy, 20) == {200: 20}
        with router.sent("GET", "/math/mcp/health", modest) as answer:
            assert json.loads(answer.read())["sessions"] == share + 20
        assert router.end() < 30
        assert router.complaints() == []


@pytest.mark.anyio
async def test_one_key_opens_at_most_its_share_of_the_sessions(tmp_path: Path) -> None:
    await opens_its_share(tmp_path, limit=400)


def called(router: Router, who: Headers, tool: str, **arguments: object) -> int:
    headers = {"content-type": "application/json", **who}
    with router.sent("POST", "/slow/mcp/call", headers, {"tool": tool, "arguments": arguments}) as answer:
        return answer.status


def test_principal_beyond_its_share_is_served_again_when_its_calls_have_ended(tmp_path: Path) -> None:
    path, note = tmp_path / "keys.json", Note(tmp_path / "note")
    greedy, modest = (bearer(add_key(path, name, "slow:*")) for name in ("greedy", "modest"))
    with Router(tmp_path, MCP_AUTH_KEYS=str(path), MCP_MAX_CALLS="8") as router, ThreadPoolExecutor(2) as threads:
        router.await_table()
        for _ in range(2):
            call = partial(called, router, greedy, "wait", seconds=1, note=str(note.path))
            running = [threads.submit(call) for _ in range(2)]
            note.await_lines("began", "began")
            assert (called(router, greedy, "pid"), called(router, modest, "pid")) == (429, 200)
            assert [each.result() for each in running] == [200, 200]
            note.path.unlink()
            assert called(router, greedy, "pid") == 200
