"""The functions behind resources, prompts and completions: their threads and their failures."""

from __future__ import annotations

import threading
from typing import Any

import anyio
import pytest
from mcp.server.mcpserver import MCPServer
from mcp.shared.exceptions import MCPError

from tests.clients import ERAS, Era, connected
from tests.conftest import MakeApp, server_of
from tests.gateway.local.requesting import METHODS, REQUESTS, Ask, prompt, quick, read, read_template, serving
from tests.transport import opened

pytestmark = pytest.mark.anyio


@pytest.mark.slow
async def test_sync_functions_run_in_the_threads_of_their_server(make_app: MakeApp) -> None:
    release, begun = threading.Event(), threading.Semaphore(0)
    mcp = server_of(quick)

    def block() -> None:
        begun.release()
        release.wait(10)

    @mcp.resource("data://fixed")
    def fixed() -> str:
        block()
        return "fixed"

    @mcp.resource("data://of/{key}")
    def templated(key: str) -> str:
        block()
        return key

    @mcp.prompt()
    def greet(name: str) -> str:
        block()
        return name

    async with opened(make_app(mcp, threads=1)) as http, connected(http, "modern") as client:
        limiter = anyio.to_thread.current_default_thread_limiter()
        answers: list[Any] = []

        async def keep(ask: Ask) -> None:
            answers.append(await ask(client))

        async with anyio.create_task_group() as tasks:
            for ask in (read, read_template, prompt):
                tasks.start_soon(keep, ask)
            await anyio.to_thread.run_sync(begun.acquire)
            await anyio.wait_all_tasks_blocked()
            assert not begun.acquire(blocking=False)  # one thread: the others wait
            assert limiter.borrowed_tokens == 0  # and none of them is one of the process's shared threads
            release.set()
        assert len(answers) == 3


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.slow
async def test_unknown_prompt_and_wrong_arguments_are_errors_of_the_client(
    make_app: MakeApp, era: Era, caplog: pytest.LogCaptureFixture
) -> None:
    mcp = server_of(quick)

    @mcp.prompt()
    async def count(number: int) -> str:
        return str(number)

    async with opened(make_app(mcp)) as http, connected(http, era) as client:
        for name, arguments in (("nonsense", {}), ("count", {}), ("count", {"number": "SECRET"})):
            with pytest.raises(MCPError) as caught:
                await client.get_prompt(name, arguments)
            assert caught.value.error.code == -32602
            assert "SECRET" not in str(caught.value)
    assert [record for record in caplog.records if record.exc_info] == []


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("name", REQUESTS)
async def test_crash_is_reported_without_its_text_and_recorded(
    make_app: MakeApp,
    name: str,
    era: Era,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def crash() -> None:
        raise RuntimeError("SECRET")

    async with opened(make_app(serving(wait=crash))) as http, connected(http, era) as client:
        with pytest.raises(MCPError) as caught:
            await REQUESTS[name](client)
        assert "SECRET" not in str(caught.value.error)
    [line] = [line for line in capsys.readouterr().err.splitlines() if " call request_id=" in line]
    assert f" tool={METHODS[name]} via=mcp outcome=tool-crashed " in line
    assert len([record for record in caplog.records if record.exc_info]) == 1


@pytest.mark.parametrize("era", ERAS)
async def test_list_whose_author_fails_is_an_error_without_its_text(make_app: MakeApp, era: Era) -> None:
    class Failing(MCPServer[Any]):
        async def list_prompts(self) -> Any:
            raise RuntimeError("SECRET")

    mcp = Failing("one")
    async with opened(make_app(mcp)) as http, connected(http, era) as client:
        with pytest.raises(MCPError) as caught:
            await client.list_prompts()
    assert caught.value.error.data == {"type": "tool-crashed"}
    assert "SECRET" not in str(caught.value.error)
