"""Child processes that do not say at once which protocol they speak: slow ones, and those that the question stops."""

from __future__ import annotations

import json
import sys

import anyio
import httpx2
import pytest

from tests.clients import post
from tests.gateway.upstream.conftest import Serving, status
from tests.gateway.upstream.test_odd import odd
from tests.sources import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.anyio]
ASKED, INTRODUCED, IS_LEGACY = "server/discover", "initialize", "notifications/initialized"
NOTES = """
own, state["said"] = take, []
def take(message):
    state["said"].append(message.get("method"))
    own(message)
"""
KINDS = {
    "modern": ("time.sleep(1)", False),
    "legacy": ("time.sleep(1)\nHOW = 'legacy'", True),
    "mute": ("HOW = 'mute'", True),
}
STUCK = "discover = lambda number: sys.stdin.read()"
SDK = "import time; time.sleep(1); from tests.gateway.upstream.calls.asking_server import main; main()"


@pytest.fixture(autouse=True)
def probe(monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes a child slow that does not answer within a fifth of a second."""
    monkeypatch.setattr("gateway.upstream.stdio.opening.PROBE", 0.2)


async def said_to(http: httpx2.AsyncClient) -> list[str]:
    """Returns the methods of the messages that the child was sent."""
    found: list[str] = json.loads((await post(http, "seen")).json()["result"])["said"]
    return found


@pytest.mark.parametrize(("code", "is_legacy"), KINDS.values(), ids=KINDS)
async def test_slow_child_is_started_once_and_opened_in_the_protocol_that_it_speaks(
    serving: Serving, code: str, is_legacy: bool
) -> None:
    async with serving(one=odd(code + NOTES)) as http:
        said = await said_to(http)
        assert said[:2] == [ASKED, INTRODUCED]
        assert (IS_LEGACY in said) == is_legacy
        assert (await post(http, "add", {"a": 1, "b": 2})).json() == {"result": 3}
        assert (await status(http))["starts"] == 1


async def test_slow_child_that_refuses_the_handshake_after_the_question_is_served(serving: Serving) -> None:
    """It is one of the SDK."""
    child = {"command": sys.executable, "args": ["-c", SDK, "stdio"], "cwd": str(ROOT)}
    async with serving(one=child) as http:
        assert (await post(http, "counts")).status_code == 200
        assert (await status(http))["starts"] == 1


async def test_child_whose_first_answer_stands_behind_a_text_without_a_line_break_is_understood(
    serving: Serving,
) -> None:
    async with serving(one=odd("text('Loading… {} ')" + NOTES)) as http:
        assert IS_LEGACY not in await said_to(http)
        assert (await status(http))["starts"] == 1


async def test_child_that_the_question_stops_is_started_again_without_it(serving: Serving) -> None:
    async with serving(one=odd(STUCK + NOTES) | {"startTimeout": 3}) as http:
        with anyio.fail_after(60):
            while (await post(http, "add", {"a": 1, "b": 2})).status_code != 200:
                await anyio.sleep(0.05)
        said = await said_to(http)
        assert (said[0], ASKED in said) == (INTRODUCED, False)


async def test_slow_child_that_ends_at_the_question_is_started_again_without_it(serving: Serving) -> None:
    async with serving(one=odd("discover = lambda number: (time.sleep(1), os._exit(1))" + NOTES)) as http:
        said = await said_to(http)
        assert (said[0], ASKED in said) == (INTRODUCED, False)
