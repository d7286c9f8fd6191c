"""Requests over HTTP: queries and mutations, errors beside data, and what is refused as a whole."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import anyio
import pytest

from tests.conftest import MakeApp, server_of
from tests.documents import GRAPHQL
from tests.matrix import access
from tests.routes.graphql.asking import ask, reading, slugs
from tests.transport import opened

pytestmark = pytest.mark.anyio
ROOT = Path(__file__).parents[3]


async def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


@pytest.mark.slow
async def test_queries_are_found_by_server_and_the_other_tools_are_mutations(make_app: MakeApp) -> None:
    async with opened(make_app(reading(add), server_of(add, name="two"), graphql=GRAPHQL)) as http:
        assert await ask(http, "{ one { x: add(a: 1, b: 2) add(a: 3, b: 4) __typename } _servers }") == {
            "data": {"one": {"x": 3, "add": 7, "__typename": "one_queries"}, "_servers": ["one", "two"]}
        }
        assert await ask(http, "mutation { two_add(a: 1, b: 2) }") == {"data": {"two_add": 3}}
        for wrong in ("{ two { add(a: 1, b: 2) } }", "mutation { one_add(a: 1, b: 2) }"):
            assert slugs(await ask(http, wrong)) == ["invalid-request"]


@pytest.mark.slow
async def test_variables_and_the_name_of_the_operation_are_read(make_app: MakeApp) -> None:
    query = "query A($a: Long!) { one { add(a: $a, b: 2) } } query B { _servers }"
    async with opened(make_app(reading(add), graphql=GRAPHQL)) as http:
        answer = await ask(http, query, operationName="A", variables={"a": 2**60})
        assert answer == {"data": {"one": {"add": 2**60 + 2}}}
        assert slugs(await ask(http, query)) == ["invalid-request"]
        assert slugs(await ask(http, query, operationName="A", variables={"a": "1"})) == ["invalid-request"]


@pytest.mark.slow
async def test_three_forbidden_aliases_are_three_errors_and_the_rest_is_answered(
    make_app: MakeApp, tmp_path: Path
) -> None:
    ran: list[str] = []

    async def erase() -> str:
        ran.append("erase")
        return "erased"

    app = make_app(server_of(add, erase), graphql=GRAPHQL, **access.keys(tmp_path))
    async with opened(app) as http:
        query = "mutation { a: one_erase b: one_erase one_add(a: 1, b: 2) c: one_erase }"
        answer = await ask(http, query, access.HEADERS["exact"])
    assert answer["data"] == {"a": None, "b": None, "one_add": 3, "c": None}
    assert slugs(answer) == ["forbidden"] * 3
    assert [error["path"] for error in answer["errors"]] == [["a"], ["b"], ["c"]]
    assert ran == []


async def test_hidden_tool_is_refused_by_itself_also_where_another_server_has_its_name(
    make_app: MakeApp, tmp_path: Path
) -> None:
    app = make_app(reading(add), reading(add, name="two"), graphql=GRAPHQL, **access.keys(tmp_path))
    async with opened(app) as http:
        answer = await ask(http, "{ one { add(a: 1, b: 2) } two { add(a: 1, b: 2) } }", access.HEADERS["exact"])
    assert answer["data"] == {"one": {"add": 3}, "two": {"add": None}}
    assert slugs(answer) == ["forbidden"]


@pytest.mark.slow
async def test_strangers_and_narrow_scopes_see_their_own_schema(make_app: MakeApp, tmp_path: Path) -> None:
    query = "{ __schema { types { name } } }"
    app = make_app(server_of(add), reading(add, name="two"), graphql=GRAPHQL, **access.keys(tmp_path))
    async with opened(app) as http:
        for headers in ({}, {"authorization": "Bearer wrong"}):
            assert (await http.post(GRAPHQL, json={"query": query}, headers=headers)).status_code == 401
            assert (await http.get(f"{GRAPHQL}/schema.graphql", headers=headers)).status_code == 401
        for name, seen in {"exact": {"Mutation"}, "other": {"two_queries"}, "nothing": set()}.items():
            answer = await ask(http, query, access.HEADERS[name])
            types = {type_["name"] for type_ in answer["data"]["__schema"]["types"]}
            assert types & {"Mutation", "two_queries"} == seen
            text = (await http.get(f"{GRAPHQL}/schema.graphql", headers=access.HEADERS[name])).text
            assert ("one_add" in text, "two_queries" in text) == ("Mutation" in seen, "two_queries" in seen)


async def test_first_request_after_a_change_has_the_new_tools(make_app: MakeApp) -> None:
    server = server_of(add)
    app = make_app(server, graphql=GRAPHQL)
    async with opened(app) as http:
        assert slugs(await ask(http, "mutation { one_late }")) == ["unknown-tool"]

        async def late() -> str:
            return "late"

        server.add_tool(late)
        assert await ask(http, "mutation { one_late }") == {"data": {"one_late": "late"}}
        server.remove_tool("late")
        assert slugs(await ask(http, "mutation { one_late }")) == ["unknown-tool"]


@pytest.mark.slow
async def test_mutations_run_one_after_the_other_and_at_most_ten_queries_at_once(make_app: MakeApp) -> None:
    running, most = 0, 0

    async def watch() -> int:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.005)
        running -= 1
        return most

    async with opened(make_app(reading(watch), server_of(watch, name="two"), graphql=GRAPHQL)) as http:
        await ask(http, "mutation { " + " ".join(f"a{n}: two_watch" for n in range(10)) + " }")
        assert most == 1
        await ask(http, "{ one { " + " ".join(f"a{n}: watch" for n in range(30)) + " } }")
        assert most == 10


@pytest.mark.parametrize("document", ["{ one { a: hang b: hang } }", "mutation { two_hang }"])
@pytest.mark.slow
async def test_calls_of_a_client_that_leaves_are_cancelled(make_app: MakeApp, document: str) -> None:
    begun, cancelled = asyncio.Queue[None](), asyncio.Queue[None]()

    async def hang() -> int:
        begun.put_nowait(None)
        try:
            await anyio.sleep_forever()
        finally:
            cancelled.put_nowait(None)
        return 0

    async with opened(make_app(reading(hang), server_of(hang, name="two"), graphql=GRAPHQL)) as http:
        asking = asyncio.create_task(ask(http, document))
        for _ in range(document.count("hang")):
            await begun.get()
        asking.cancel()
        for _ in range(document.count("hang")):
            await asyncio.wait_for(cancelled.get(), 5)


@pytest.mark.slow
async def test_no_call_begins_after_the_time_limit(make_app: MakeApp) -> None:
    async def slow() -> int:
        await anyio.sleep_forever()
        return 0

    async with opened(make_app(server_of(slow, add), graphql=GRAPHQL, call_timeout=0.05)) as http:
        answer = await ask(http, "mutation { one_slow one_add(a: 1, b: 2) }")
    assert slugs(answer) == ["timeout", "timeout"]
    assert "has not begun" in answer["errors"][1]["message"]


async def test_key_is_for_one_mutation(make_app: MakeApp) -> None:
    async with opened(make_app(server_of(add), reading(add, name="two"), graphql=GRAPHQL)) as http:
        key = {"idempotency-key": "one"}
        for _ in range(2):
            answer = await http.post(GRAPHQL, json={"query": "mutation { one_add(a: 1, b: 2) }"}, headers=key)
        assert answer.headers["idempotency-replayed"] == "true"
        for query in ("{ two { add(a: 1, b: 2) } }", "mutation { one_add(a: 1, b: 2) b: one_add(a: 1, b: 2) }"):
            refused = await http.post(GRAPHQL, json={"query": query}, headers=key)
            assert refused.status_code == 400


@pytest.mark.slow
def test_package_is_not_imported_when_it_is_off() -> None:
    code = (
        "import sys; from app import create_app; from settings.values import Settings;"
        "app = create_app(Settings()); print([n for n in sys.modules if 'graphql' in n and n != 'settings.graphql'],"
        "[r.path for r in app.routes if 'graphql' in r.path])"
    )
    ended = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert ended.stdout.split() == ["['features.surfaces.graphql']", "[]"]
