"""`${caller.id}`: one entry that serves each principal with what is its own."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import anyio
import pytest

from gateway.upstream.expand import id_in_texts
from tests.clients import post
from tests.gateway.upstream.conftest import PEER, Serving, entry, status
from tests.gateway.upstream.reaching import Reached, health, over_json
from tests.matrix.principals import GREEDY, MODEST

pytestmark = [pytest.mark.slow, pytest.mark.anyio]
TOKEN = "/secrets/${caller.id:-nobody}/token"


@pytest.mark.parametrize("process", [{}, {"process": "session"}], ids=["caller", "session"])
async def test_processes_know_the_principal_for_whom_they_run(reached: Reached, process: dict[str, str]) -> None:
    async with reached(entry(env={"WHO": TOKEN}, **process)) as target:
        for headers, name in ((MODEST, "modest"), (GREEDY, "greedy"), (MODEST, "modest")):
            answer = await over_json(target, "environ", headers)
            assert json.loads(answer.json()["result"])["WHO"] == f"/secrets/{name}/token"
        assert (await health(target))["processes"] == 3


async def test_own_process_of_the_router_is_of_nobody(reached: Reached, tmp_path: Path) -> None:
    started = "import os, runpy, sys; open(sys.argv[1], 'a').write(sys.argv[2] + '\\n');"
    started += "runpy.run_path(sys.argv[3], run_name='__main__')"
    file = tmp_path / "started"
    args = ["-ISc", started, str(file), "<${caller.id}>", str(PEER)]
    async with reached({"command": sys.executable, "args": args, "env": {"PEER": ""}}) as target:
        await health(target)
        assert (await over_json(target, "add", MODEST, a=1, b=2)).json() == {"result": 3}
    assert file.read_text().split() == ["<>", "<modest>"]


async def test_caller_without_a_name_gets_the_default_and_no_process_without_one(serving: Serving) -> None:
    async with serving(one=entry(env={"WHO": TOKEN})) as http:
        answer = await post(http, "environ", {})
        assert json.loads(answer.json()["result"])["WHO"] == "/secrets/nobody/token"
    async with serving(one=entry(env={"WHO": "${caller.id}"})) as http:
        await status(http)
        with anyio.fail_after(20):
            refused = await post(http, "environ", {})
        assert (refused.status_code, refused.json()["type"]) == (503, "urn:multi-mcp:error:unavailable")


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("key:build-bot_2.ci", "build-bot_2.ci"),
        ("https://login.example#ann@example.com", "https%3A%2F%2Flogin.example%23ann@example.com"),
        ("..", "%2E."),
        ("-rf", "%2Drf"),
        ("~root", "%7Eroot"),
        ("a b\n$(x)é", "a%20b%0A%24%28x%29%C3%A9"),
        ("%2E.", "%252E."),
    ],
)
def test_id_is_one_word_of_which_nothing_can_be_taken_apart(name: str, word: str) -> None:
    assert id_in_texts(name) == word
