"""Rules of tools with versions."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from mcp.server.mcpserver import MCPServer

from tests.keys import add_key, bearer
from tests.matrix.rules import Call, Rule
from tests.matrix.ways import VERSION

RETIRED = {"since": "2020-01-01", "sunset": "2021-01-01", "use": "2"}
DEPRECATED = {"since": "2020-01-01", "sunset": "2999-01-01", "use": "2.1"}
VERSIONS: list[dict[str, Any]] = [
    {"version": "0.9.0", "deprecated": RETIRED},
    {"version": "1.9.0", "deprecated": DEPRECATED},
    {"version": "1.10.0", "deprecated": DEPRECATED},
    {"version": "2.0.0"},
    {"version": "2.1.0"},
    {"version": "3.0.0-rc.1"},
]
PINS = {
    "1": "1.10.0",
    "1.9": "1.9.0",
    "^1.2": "1.10.0",
    ">=1,<2": "1.10.0",
    "2": "2.1.0",
    "2.0.0": "2.0.0",
    "<2.1": "2.0.0",
}
KEYS: dict[str, str] = {}


def search(server: MCPServer[Any]) -> None:
    """Adds versions of the tool `search`, each of which returns its own version and how often it ran."""
    ran: Counter[str] = Counter()
    for number, meta in enumerate(VERSIONS):

        async def found(which: str = meta["version"]) -> str:
            ran[which] += 1
            return f"{which} {ran[which]}"

        caching = {"cache": {"ttl": 60}} if server.settings.debug else {}
        server.add_tool(found, name=f"search_v{number}", meta={"versions_of": "search", **meta, **caching})


def cached_search(server: MCPServer[Any]) -> None:
    server.settings.debug = True
    search(server)


async def version(call: Call, tool: str = "search", headers: dict[str, str] | None = None) -> str:
    """Returns the version that ran, or the kind of the error."""
    outcome = await call(tool, headers or {})
    return outcome.value.partition(" ")[0] if outcome.slug == "ok" else outcome.slug


async def pins_choose(call: Call) -> None:
    assert await version(call) == "2.1.0"
    for pin, expected in PINS.items():
        assert (pin, await version(call, headers={VERSION: pin})) == (pin, expected)
    assert await version(call, "search@1") == "1.10.0"
    assert await version(call, "search@1.9.0", {VERSION: "1.9.0"}) == "1.9.0"


async def never_another(call: Call) -> None:
    assert [await version(call, headers={VERSION: pin}) for pin in ("9", "3", ">2.1", "0.9", "^0.9.0")] == [
        *("unknown-version", "unknown-version", "unknown-version", "retired", "retired")
    ]
    assert await version(call, "search@7") == "unknown-version"
    assert [await version(call, headers={VERSION: pin}) for pin in ("newest", "1.x", "", "1" * 65)] == [
        "invalid-request"
    ] * 4
    assert await version(call, "search@1", {VERSION: "2"}) == "invalid-request"
    assert await version(call, headers={VERSION: "3.0.0-rc.1"}) == "3.0.0-rc.1"
    for hidden in ("search_v4", "search_v4@2"):
        assert await version(call, hidden) in ("unknown-tool", "tool-error")


async def plain_tools_have_none(call: Call) -> None:
    assert (await call("add", {VERSION: "1"}, a=1, b=2)).slug == "unknown-version"
    assert (await call("add", a=1, b=2)).value == 3
    for name in ("add@1", "add@latest"):
        assert (await call(name, a=1, b=2)).slug in ("unknown-tool", "tool-error")


def scoped(folder: Path) -> dict[str, Any]:
    """Writes keys for some versions alone, and one with pins."""
    path = folder / "keys.json"
    KEYS["first"] = add_key(path, "first", "one:search@1")
    KEYS["all"] = add_key(path, "all", "one:search")
    KEYS["pinned"] = add_key(path, "pinned", "one:*", pins=["one:sea*=1.9", "one:*=2"])
    KEYS["gone"] = add_key(path, "gone", "one:*", pins=["*:search=0.9"])
    return {"auth_keys": str(path)}


async def scopes_know_versions(call: Call) -> None:
    first, everything = bearer(KEYS["first"]), bearer(KEYS["all"])
    assert [await version(call, headers={**first, VERSION: pin}) for pin in ("1", "1.9", ">=1")] == [
        *("1.10.0", "1.9.0", "1.10.0")
    ]
    assert await version(call, headers=first) == "1.10.0"
    for pin in ("2", "2.1.0", "9"):
        assert (pin, await version(call, headers={**first, VERSION: pin})) == (pin, "forbidden")
    for name in ("search@2", "search@9", "search@latest", "nothing@latest"):
        assert (name, await version(call, name, headers=first)) == (name, "forbidden")
    assert await version(call, headers={**everything, VERSION: "2"}) == "2.1.0"
    assert await version(call, headers={**everything, VERSION: "9"}) == "unknown-version"


async def keys_pin(call: Call) -> None:
    pinned, gone = bearer(KEYS["pinned"]), bearer(KEYS["gone"])
    assert await version(call, headers=pinned) == "1.9.0"
    assert await version(call, headers={**pinned, VERSION: "2"}) == "2.1.0"
    assert await version(call, headers=gone) == "retired"


async def limits_know_versions(call: Call) -> None:
    assert [await version(call, headers={VERSION: "1"}) for _ in range(2)] == ["1.10.0", "rate-limited"]
    assert [await version(call) for _ in range(2)] == ["2.1.0"] * 2


async def results_are_of_their_version(call: Call) -> None:
    for _ in range(2):
        assert [(await call("search", {VERSION: pin})).value for pin in ("1", "2")] == ["1.10.0 1", "2.1.0 1"]


async def routes_choose(call: Call) -> None:
    assert await version(call) == "1.10.0"
    assert await version(call, headers={VERSION: "2"}) == "2.1.0"


async def keys_are_of_one_version(call: Call) -> None:
    key = {"idempotency-key": "one"}
    assert [(await call("search", {**key, VERSION: "1"})).value for _ in range(2)] == ["1.10.0 1"] * 2
    assert (await call("search", {**key, VERSION: "2"})).slug == "conflict"


RULES = [
    Rule("a caller's pin chooses the version", pins_choose, serve=search, needs_names=True),
    Rule("no other version runs than the one that was asked for", never_another, serve=search, needs_names=True),
    Rule("a tool without versions has none", plain_tools_have_none, needs_names=True),
    Rule("a tool without versions has none beside others", plain_tools_have_none, serve=search, needs_names=True),
    Rule("a scope may be for some versions", scopes_know_versions, scoped, serve=search, needs_names=True),
    Rule("a key may have pins", keys_pin, scoped, serve=search),
    Rule(
        "a limit may be for some versions",
        limits_know_versions,
        lambda _: {"rate_limit": "one:search@1=1/hour"},
        serve=search,
    ),
    Rule("a cached result is of its version", results_are_of_their_version, serve=cached_search),
    Rule("routes choose", routes_choose, lambda _: {"tool_routes": "one:search=1:100,2:0"}, serve=search),
    Rule("an idempotency key is for one version", keys_are_of_one_version, serve=search),
]
