"""The start of a child process, and what is seen of one that does not start."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import anyio
import pytest

from tests.clients import ERAS, connected, error_of, post
from tests.gateway.upstream.conftest import Serving, entry, status

pytestmark = [pytest.mark.slow, pytest.mark.anyio]


@pytest.mark.parametrize("how", ["", "legacy", "exits", "banner"])
async def test_child_is_opened_in_the_protocol_that_it_speaks(serving: Serving, how: str) -> None:
    async with serving(one=entry(how)) as http:
        assert (await post(http, "add", {"a": 1, "b": 2})).json() == {"result": 3}
        assert (await http.get("/one/mcp/health")).json()["status"] == "ok"


async def test_era_of_an_entry_is_not_asked_for(serving: Serving) -> None:
    async with serving(one=entry("mute", era="legacy")) as http:
        assert (await post(http, "add", {"a": 1, "b": 2})).json() == {"result": 3}
    async with serving(one=entry("legacy", era="modern")) as http:
        assert (await status(http, "failing"))["reason"] == "it does not speak 2026-07-28"


@pytest.mark.parametrize("successor", ["legacy", "exits"])
async def test_child_that_is_replaced_by_one_of_another_era_is_asked_again(
    serving: Serving, tmp_path: Path, successor: str
) -> None:
    how, peer = tmp_path / "how", entry()
    code = f"import os, runpy; os.environ['PEER'] = open({str(how)!r}).read(); "
    code += f"runpy.run_path({peer['args'][-1]!r}, run_name='__main__')"
    how.write_text("")
    async with serving(one=peer | {"args": ["-ISc", code]}) as http:
        assert (await post(http, "add", {"a": 1, "b": 2})).json() == {"result": 3}
        how.write_text(successor)
        assert (await post(http, "die")).status_code == 502
        with anyio.fail_after(20):
            while (await post(http, "add", {"a": 1, "b": 2})).status_code != 200:
                await anyio.sleep(0.05)


FAILING = {
    "no program": ({"command": "no-such-program"}, "command: there is no program 'no-such-program'"),
    "no npx": ({"command": "npx", "env": {"PATH": "/nowhere"}}, "comes with Node, which is not installed here"),
    "no folder": ({"cwd": "/no/such/folder"}, "cwd: there is no such folder"),
    "no variable": ({"env": {"KEY": "${NO_SUCH}"}}, "env.KEY: the variable NO_SUCH is not set"),
    "exit": ({"env": {"PEER": "exit"}}, "it ended with exit code 1; its last line: a key is missing"),
    "silence": ({"env": {"PEER": "silent"}, "startTimeout": 0.3}, "it did not start within 0.3 seconds"),
    "noise": ({"env": {"PEER": "noisy"}}, "1000 lines that are not JSON-RPC"),
    "no server": ({"command": "/bin/true"}, "it ended with exit code 0"),
}


@pytest.mark.parametrize(("fields", "reason"), FAILING.values(), ids=FAILING)
async def test_server_that_does_not_start_says_why_and_stops_no_other(
    serving: Serving, fields: dict[str, Any], reason: str
) -> None:
    async with serving(one=entry() | fields, other=entry()) as http:
        health = await status(http, "failing")
        assert reason in health["reason"]
        answer = await post(http, "add", {"a": 1, "b": 2})
        assert (answer.status_code, answer.json()["type"]) == (503, "urn:multi-mcp:error:unavailable")
        assert int(answer.headers["retry-after"]) >= 1
        assert reason not in answer.text
        assert (await post(http, "add", {"a": 1, "b": 2}, server="other")).json() == {"result": 3}
        assert ((await http.get("/health")).status_code, (await http.get("/readyz")).status_code) == (200, 200)
        assert (await http.get("/one/mcp/health")).status_code == 503


async def test_native_client_of_a_server_that_does_not_start_hears_when_to_try_again(serving: Serving) -> None:
    async with serving(one=entry("exit")) as http:
        await status(http, "failing")
        for era in ERAS:
            async with connected(http, era) as client:
                error = await error_of(client, "add_tool", {"a": 1, "b": 2})
                assert (error["code"], error["data"]["type"]) == (-32000, "unavailable")
                assert error["data"]["retryAfter"] >= 1


async def test_server_is_started_again_for_as_long_as_it_takes(serving: Serving, tmp_path: Path) -> None:
    program = tmp_path / "program"
    async with serving(one=entry() | {"command": str(program)}) as http:
        await status(http, "failing")
        program.write_text(f'#!/bin/sh\nexec {entry()["command"]} "$@"\n')
        program.chmod(0o755)
        await status(http, "ok")
        assert (await post(http, "add", {"a": 1, "b": 2})).json() == {"result": 3}


async def test_child_gets_of_our_environment_only_what_its_entry_names(
    serving: Serving, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("SECRET", "KEY", "HTTPS_PROXY", "EMPTY"):
        monkeypatch.setenv(name, "" if name == "EMPTY" else f"of {name}")
    given = {"KEY": "${KEY}", "BOTH": "<${env:KEY}>", "DEFAULT": "${NO_SUCH:-else}"}
    given |= {"BARE": "${EMPTY}", "OTHER": "${EMPTY:-x}"}
    one = entry(env=given, inheritEnv=["HTTPS_PROXY"], cwd=str(tmp_path))
    async with serving(one=one) as http:
        environ = json.loads((await post(http, "environ")).json()["result"])
        pid = (await post(http, "pid")).json()["result"]
    expected = {"KEY": "of KEY", "BOTH": "<of KEY>", "DEFAULT": "else", "BARE": "", "OTHER": "x"}
    expected |= {"HTTPS_PROXY": "of HTTPS_PROXY"}
    assert {name: environ[name] for name in expected} == expected
    assert "SECRET" not in environ
    assert environ["PATH"]
    assert pid.endswith(str(tmp_path))


async def test_standard_error_is_logged_with_the_name_of_the_server(
    serving: Serving, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "gateway.upstream")
    async with serving() as http:
        await post(http, "stderr", {"text": "one\n\x1b[31mred é\n" + "x" * 5000 + "\nlast\n"})
        await post(http, "stderr", {"text": "flood\n" * 20_000})
    lines = [record for record in caplog.records if record.getMessage().startswith("stderr: ")]
    texts = [record.getMessage().removeprefix("stderr: ") for record in lines]
    assert texts[:2] == ["one", "\\x1b[31mred é"]
    assert (len(texts[2]), texts[3]) == (512 + 4, "last")
    assert len(texts) < 2000
    assert lines[0].fields == {"server": "one"}  # type: ignore[attr-defined]


async def test_list_of_servers_says_which_one_fails(serving: Serving) -> None:
    async with serving(one=entry("exit"), two=entry(idleTimeout=0.05)) as http:
        await status(http, "failing")
        with anyio.fail_after(5):
            while (await http.get("/two/mcp/health")).json()["status"] != "idle":
                await anyio.sleep(0.02)
        servers = {server["server"]: server["status"] for server in (await http.get("/")).json()["servers"]}
        assert servers == {"one": "failing", "two": "idle"}
