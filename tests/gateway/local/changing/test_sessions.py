"""Sessions of clients at a server whose code changes."""

from __future__ import annotations

from typing import Any

import anyio
import pytest
from mcp_types import ListRootsResult, Root
from pydantic import FileUrl

from tests.clients import answered, connected, open_sessions, post
from tests.gateway.local.changing.conftest import CODE, Changed, until
from tests.gateway.sdk.changes.test_changes import TOOLS, UPDATED, Heard

pytestmark = [
    pytest.mark.slow,
    pytest.mark.anyio,
    pytest.mark.filterwarnings("ignore::mcp.shared.exceptions.MCPDeprecationWarning"),
]
ADDED = """

@mcp.tool()
async def more() -> str:
    return "more"
"""
ENDS = """

async def ends():
    while not (FOLDER / "end").exists():
        await anyio.sleep(0.01)
    raise RuntimeError("the database is gone")
"""


async def roots(context: Any) -> ListRootsResult:
    return ListRootsResult(roots=[Root(uri=FileUrl("file:///x"), name="root")])


@pytest.mark.parametrize("endpoint", ["one", ""])
async def test_session_goes_on_and_its_next_call_is_answered_by_the_new_code(changed: Changed, endpoint: str) -> None:
    tool = "say" if endpoint else "one_say"
    async with connected(changed.http, "legacy", endpoint) as client:
        for number in (1, 2, 3):
            await changed.to(number)
            assert (await answered(client, tool))["structuredContent"] == {"result": f"state {number}"}
        assert await open_sessions(changed.http) == 1
        read = await client.session.read_resource("note://1" if endpoint else "note://one/1")
        assert read.contents[0].model_dump()["text"] == "note 3"
    await changed.until_event("closes 2")
    assert changed.events() == ["opens 1", "opens 2", "closes 1", "opens 3", "closes 2"]


async def test_call_in_flight_of_a_session_ends_in_the_old_code_which_can_still_ask_its_client(
    changed: Changed,
) -> None:
    async with connected(changed.http, "legacy", list_roots_callback=roots) as client:
        answers: list[Any] = []

        async def ask() -> None:
            answers.append(await answered(client, "ask"))

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(ask)
            await changed.until_exists("begun")
            await changed.to(2)
            assert (await answered(client, "say"))["structuredContent"] == {"result": "state 2"}
            assert changed.events() == ["opens 1", "opens 2"]
            (changed.folder / "gate").touch()
        assert answers[0]["structuredContent"] == {"result": "1 root"}
    await changed.until_event("closes 1")


@pytest.mark.parametrize("endpoint", ["one", ""])
async def test_sessions_hear_of_the_lists_that_differ_and_of_no_other(changed: Changed, endpoint: str) -> None:
    heard = Heard()
    async with connected(changed.http, "legacy", endpoint, message_handler=heard) as client:
        await changed.to(2)
        await changed.to(3, ADDED)
        await heard.hears(TOOLS)
        names = [tool.name for tool in (await client.session.list_tools()).tools]
        assert ("more" if endpoint else "one_more") in names
    assert {*heard.methods} - {""} == {TOOLS}
    assert heard.methods[TOOLS] == 1


@pytest.mark.parametrize("endpoint", ["one", ""])
async def test_open_listen_stream_lives_through_changes_and_hears_of_them(changed: Changed, endpoint: str) -> None:
    async with (
        connected(changed.http, "modern", endpoint) as client,
        client.listen(tools_list_changed=True) as stream,
    ):
        await changed.to(2)
        await changed.to(3, ADDED)
        with anyio.fail_after(20):
            event = await anext(stream)
        assert type(event).__name__ == "ToolsListChanged"
        await changed.to(
            4,
            ADDED + "\n\n@mcp.tool()\nasync def tell(ctx: Context) -> str:\n"
            "    await ctx.notify_tools_changed()\n    return 'told'\n",
        )
        with anyio.fail_after(20):
            await anext(stream)
            await post(changed.http, "tell")
            await anext(stream)


async def test_broken_code_ends_no_session(changed: Changed, caplog: pytest.LogCaptureFixture) -> None:
    hopeless = CODE.replace("    yield ", '    raise ValueError("no database")\n    yield ')
    async with connected(changed.http, "legacy") as client:
        for number, broken in enumerate(("broken(", hopeless), start=1):
            changed.write(number, code=broken)

            async def is_stale() -> bool:
                return bool((await changed.http.get("/one/mcp/health")).json()["status"] == "stale")

            await until(is_stale)
            assert (await answered(client, "say"))["structuredContent"] == {"result": f"state {number}"}
            await changed.to(number + 1)
            assert (await changed.http.get("/one/mcp/health")).json()["status"] == "ok"
    assert "one_server.py:1: SyntaxError" in caplog.text
    assert "server 'one' does not start: ValueError: no database" in caplog.text


@pytest.mark.parametrize("endpoint", ["one", ""])
async def test_new_code_is_told_what_sessions_watch_and_their_log_level(changed: Changed, endpoint: str) -> None:
    heard, other = Heard(), Heard()
    first, second = [f"{uri}{number}" for number in (1, 2) for uri in ["note://" if endpoint else "note://one/"]]
    async with (
        connected(changed.http, "legacy", endpoint, message_handler=heard) as client,
        connected(changed.http, "legacy", endpoint, message_handler=other),
    ):
        await client.session.subscribe_resource(first)
        await client.session.subscribe_resource(second)
        await client.session.unsubscribe_resource(second)
        await client.session.set_logging_level("error")
        await changed.to(2)
        assert (await post(changed.http, "wishes")).json() == {"result": ["note://1", "error"]}
        await heard.hears(UPDATED)  # it may differ in the new code
        heard.methods.clear()
        await post(changed.http, "update")
        await heard.hears(UPDATED)
        await client.session.unsubscribe_resource(first)
        await changed.to(3)
        assert (await post(changed.http, "wishes")).json() == {"result": ["error"]}
    assert not other.methods[UPDATED]


async def test_server_whose_lifespan_ends_by_itself_is_served_again_by_its_next_code(changed: Changed) -> None:
    ending = CODE.replace(
        "    yield ",
        "    async with anyio.create_task_group() as tasks:\n        tasks.start_soon(ends)\n        yield ",
    )
    await changed.to(2, code=ending + ENDS)
    await post(changed.http, "say")
    (changed.folder / "end").touch()

    async def is_down() -> bool:
        return (await post(changed.http, "say")).status_code == 503

    await until(is_down)
    await changed.to(3)
