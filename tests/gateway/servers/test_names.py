from __future__ import annotations

import random
import re

import pytest
from mcp.server.mcpserver import MCPServer

from gateway.servers.names import LONGEST, unambiguous
from tests.conftest import MakeApp
from tests.transport import opened

Key = tuple[str, str]
SAFE = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}")
KEYS: list[Key] = [
    ("math", "add"),
    ("math", "add_tool"),
    ("a", "b_c"),
    ("a_b", "c"),
    ("weather", "fore.cast"),
    ("weather", "fore cast"),
    ("weather", "fore_cast"),
    ("s" * 40, "t" * 128),
    ("s" * 40, "t" * 127 + "u"),
    ("s" * 40, "t" * 23),
    ("0", "zero"),
    ("-", "minus"),
    ("é", "accent"),
    ("", "alone"),
    ("", "0alone"),
    ("math", "\ud800"),
    ("math", ""),
    ("", ""),
]


def test_a_name_is_server_and_tool() -> None:
    assert unambiguous([("math", "add"), ("", "alone")]) == {"math_add": ("math", "add"), "alone": ("", "alone")}


def test_every_tool_has_a_name_of_its_own_that_every_model_takes() -> None:
    names = unambiguous(KEYS)
    assert list(names.values()) == KEYS
    assert [name for name in names if not SAFE.fullmatch(name)] == []


def test_names_do_not_depend_on_the_order() -> None:
    expected = {key: name for name, key in unambiguous(KEYS).items()}
    for seed in range(5):
        keys = random.Random(seed).sample(KEYS, len(KEYS))  # noqa: S311
        assert {key: name for name, key in unambiguous(keys).items()} == expected


def test_a_name_stays_as_it_is_when_tools_that_do_not_concern_it_come() -> None:
    before = {key: name for name, key in unambiguous(KEYS).items()}
    after = {key: name for name, key in unambiguous([*KEYS, ("new", "tool")]).items()}
    assert {key: after[key] for key in before} == before


def test_of_names_that_would_be_the_same_each_ends_in_a_hash() -> None:
    names = unambiguous([("a", "b_c"), ("a_b", "c"), ("d", "e")])
    assert [re.fullmatch(r"a_b_c_[0-9a-f]{8}", name) is not None for name in names] == [True, True, False]


@pytest.mark.parametrize("tool", ["t" * 24, "t" * 500, "é", "a.b", "a/b"])
def test_a_name_that_would_be_cut_or_changed_ends_in_a_hash(tool: str) -> None:
    [name] = unambiguous([("s" * 40, tool)])
    assert re.fullmatch(r"s{40}_.*_[0-9a-f]{8}", name)
    assert len(name) <= LONGEST


def test_a_name_of_the_longest_is_not_changed() -> None:
    assert [*unambiguous([("s" * 40, "t" * 23)])] == [f"{'s' * 40}_{'t' * 23}"]


def test_a_tool_cannot_take_the_name_that_another_has_by_its_hash() -> None:
    keys = [("a", "b_c"), ("a_b", "c")]
    first = taken = next(iter(unambiguous(keys)))
    for _ in range(3):
        keys.append(("a", taken.removeprefix("a_")))
        names = unambiguous(keys)
        assert list(names.values()) == keys
        assert names[first] == ("a", "b_c")
        taken = next(name for name, key in names.items() if key == keys[-1])


def server(name: str, *tools: str) -> MCPServer[None]:
    mcp: MCPServer[None] = MCPServer(name)
    for tool in tools:
        mcp.add_tool(lambda: f"{name}", name=tool)
    return mcp


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("tool", "answer"),
    [
        ("one_ask", "one"),
        ("two_ask", "two"),
        ("only_tool", "one"),
        ("only", "one"),
        ("ask", "Several servers have a tool 'ask'; ask for one of: one_ask, two_ask."),
        ("nothing_like", "There is no tool 'nothing_like'."),
        ("", "There is no tool ''."),
        ("x" * 5000, f"There is no tool '{'x' * 128}…'."),
    ],
)
async def test_over_all_servers_a_tool_is_found_by_its_name_or_by_a_bare_one_that_only_one_has(
    make_app: MakeApp, tool: str, answer: str
) -> None:
    async with opened(make_app(server("one", "ask", "only_tool"), server("two", "ask"))) as client:
        got = await client.post("/call", json={"tool": tool})
    assert (got.json().get("result") or got.json()["detail"]).startswith(answer)
    assert got.status_code == (200 if answer in ("one", "two") else 404)


@pytest.mark.anyio
async def test_a_tool_that_comes_later_has_a_name_as_well(make_app: MakeApp) -> None:
    mcp = server("one", "ask")
    async with opened(make_app(mcp)) as client:
        assert (await client.post("/call", json={"tool": "one_later"})).status_code == 404
        mcp.add_tool(lambda: "later", name="later")
        assert (await client.post("/call", json={"tool": "one_later"})).json() == {"result": "later"}
        mcp.remove_tool("later")
        assert (await client.post("/call", json={"tool": "one_later"})).status_code == 404
