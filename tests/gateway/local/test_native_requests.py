"""Resources, prompts and completions: they pass the chain as tool calls do, from both endpoints and in both eras."""

from __future__ import annotations

from pathlib import Path

import anyio
import pytest

from tests import wire
from tests.clients import ERAS, Era, connected, open_session, post
from tests.conftest import MakeApp
from tests.gateway.local.requesting import METHODS, REQUESTS, at_once, error_type, read, serving
from tests.matrix import access
from tests.transport import opened

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("server", ["one", ""])
@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("name", REQUESTS)
@pytest.mark.slow
async def test_request_that_never_ends_is_answered_at_the_time_limit(
    make_app: MakeApp, name: str, era: Era, server: str
) -> None:
    app = make_app(serving(), call_timeout=0.05)
    async with opened(app) as http, connected(http, era, server) as client:
        assert await error_type(REQUESTS[name](client)) == "timeout"


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("name", REQUESTS)
@pytest.mark.slow
async def test_requests_are_counted_by_the_rate_limit(make_app: MakeApp, name: str, era: Era) -> None:
    app = make_app(serving(wait=at_once), rate_limit=f"100/hour; one:{METHODS[name]}=1/hour")
    async with opened(app) as http, connected(http, era) as client:
        await REQUESTS[name](client)
        assert await error_type(REQUESTS[name](client)) == "rate-limited"
        assert (await post(http, "quick")).status_code == 200


@pytest.mark.parametrize("name", REQUESTS)
async def test_requests_are_counted_as_calls_in_flight(make_app: MakeApp, name: str) -> None:
    waiting, go = anyio.Event(), anyio.Event()

    async def wait() -> None:
        waiting.set()
        await go.wait()

    app = make_app(serving(wait=wait), max_calls=1)
    async with opened(app) as http, connected(http, "modern") as client, anyio.create_task_group() as tasks:
        tasks.start_soon(REQUESTS[name], client)
        await waiting.wait()
        assert (await post(http, "quick")).status_code == 503
        go.set()


@pytest.mark.parametrize("server", ["one", ""])
@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("name", REQUESTS)
@pytest.mark.slow
async def test_request_has_one_line_in_the_log_and_a_place_in_the_metrics(
    make_app: MakeApp, name: str, era: Era, server: str, capsys: pytest.CaptureFixture[str]
) -> None:
    via = "mcp" if server else "aggregate"
    app = make_app(serving(wait=at_once), metrics="/metrics")
    async with opened(app) as http:
        async with connected(http, era, server) as client:
            await REQUESTS[name](client)
        metrics = (await http.get("/metrics")).text
    labels = f'outcome="ok",server="one",tool="{METHODS[name]}",via="{via}"'
    assert f"mcp_tool_calls_total{{{labels}}} 1.0" in metrics
    [line] = [line for line in capsys.readouterr().err.splitlines() if " call request_id=" in line]
    assert f" server=one tool={METHODS[name]} via={via} outcome=ok " in line


async def test_caller_without_the_whole_server_reads_nothing(make_app: MakeApp, tmp_path: Path) -> None:
    app = make_app(serving(wait=at_once), **access.keys(tmp_path))
    async with opened(app) as http:
        http.headers.update(access.HEADERS["exact"])
        async with connected(http, "modern") as client:
            assert await error_type(read(client)) == "forbidden"
        http.headers.update(access.HEADERS["server"])
        async with connected(http, "modern") as client:
            assert (await read(client)).contents[0].text == "fixed"


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.slow
async def test_methods_that_the_server_has_not_are_refused_and_recorded_under_one_name(
    make_app: MakeApp, era: Era, capsys: pytest.CaptureFixture[str]
) -> None:
    async with opened(make_app(serving())) as http:
        session = await open_session(http, "/one/mcp")
        for number in range(3):
            headers, body = wire.modern(f"made/up-{number}")
            if era == "legacy":
                headers, body = session, wire.request(f"made/up-{number}", number)
            assert "Method not found" in (await http.post("/one/mcp", json=body, headers=headers)).text
    lines = [line for line in capsys.readouterr().err.splitlines() if " call request_id=" in line]
    assert len([line for line in lines if " tool=unknown-method " in line]) == 3
    assert "made/up" not in "".join(lines)
