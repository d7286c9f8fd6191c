"""Pinned tools of a server over HTTP, in both eras of the protocol."""

from __future__ import annotations

from pathlib import Path

import anyio
import pytest

from gateway.upstream.cli import main
from gateway.upstream.pins.file import PinsOfServer, editing
from tests.clients import post
from tests.gateway.upstream.conftest import Serving, status
from tests.gateway.upstream.http.conftest import sdk_server

pytestmark = [pytest.mark.slow, pytest.mark.anyio]


@pytest.mark.parametrize("era", ["modern", "legacy"])
async def test_tool_over_http_is_refused_until_it_is_approved(serving: Serving, tmp_path: Path, era: str) -> None:
    pins = tmp_path / "pins.json"
    with editing(pins) as found:
        found.servers["one"] = PinsOfServer(approved={})
    with sdk_server() as url:
        async with serving({"pins_file": str(pins)}, one={"url": url, "era": era, "pin": "block"}) as http:
            assert "add" in (await status(http))["changed"]
            assert (await http.get("/tools")).json() == {"tools": []}
            assert (await post(http, "add", {"a": 1, "b": 2})).status_code == 403
            main(["approve", "one", "--yes"], {"MCP_PINS_FILE": str(pins)})
            with anyio.fail_after(10):
                while (answer := await post(http, "add", {"a": 1, "b": 2})).status_code != 200:
                    await anyio.sleep(0.05)
            assert answer.json() == {"result": 3}
