"""The requests to measure: program, path, body and expected answer."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

JSON = {"content-type": "application/json"}
NATIVE = JSON | {"accept": "application/json, text/event-stream"}
LEGACY = NATIVE | {"mcp-protocol-version": "2025-11-25"}
MODERN = NATIVE | {"mcp-protocol-version": "2026-07-28", "mcp-method": "tools/call", "mcp-name": "add"}
META = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientInfo": {"name": "bench", "version": "1"},
    "io.modelcontextprotocol/clientCapabilities": {},
}
OURS, STARLETTE, FASTAPI, NAIVE = "ours", "Starlette by hand", "FastAPI typed", "naive call_tool()"
RAW = "raw ASGI"
SDK, RESUMABLE = "SDK alone", "SDK alone with our event store"
MEGABYTE = "x" * 1_000_000


@dataclass(frozen=True, slots=True)
class Target:
    """One row of the table. `program` is a function of controls.py, or "ours"; the answer must contain `holds`.

    Expensive calls use few connections: calls in flight at the end of a round use CPU time but are not counted.
    """

    group: str
    who: str
    what: str
    program: str
    path: str
    body: bytes
    holds: bytes = b"42"
    headers: Mapping[str, str] = field(default_factory=lambda: JSON)
    connections: int = 16

    @property
    def name(self) -> str:
        return f"{self.who}: {self.what}"

    @property
    def in_session(self) -> bool:
        return self.headers is LEGACY


def call(tool: str, **arguments: object) -> bytes:
    return json.dumps({"tool": tool, "arguments": arguments}).encode()


def native(**more: object) -> bytes:
    """Returns a tools/call. post.lua replaces "@id" with a new number, since ids in flight must differ in a session."""
    params = {"name": "add", "arguments": {"a": 10, "b": 32}} | more
    return json.dumps({"jsonrpc": "2.0", "id": "@id", "method": "tools/call", "params": params}).encode()


ADD, ADD_SYNC = call("add", a=10, b=32), call("add_sync", a=10, b=32)
ECHO, ECHOED = call("echo", text=MEGABYTE), f'"{MEGABYTE}"'.encode()
LEGACY_CALL, MODERN_CALL = native(), native(_meta=META)

TARGETS = [
    Target("call", RAW, "a constant", "raw", "/", ADD),
    Target("call", RAW, "a constant, our HTTP protocol", "front", "/", ADD),
    Target("call", STARLETTE, "async", "starlette", "/call", ADD),
    Target("call", OURS, "async", "ours", "/bench/mcp/call", ADD),
    Target("call", FASTAPI, "async", "fastapi", "/call", ADD),
    Target("call", NAIVE, "async", "naive", "/call", ADD),
    Target("call", OURS, "sync", "ours", "/bench/mcp/call", ADD_SYNC),
    Target("call", FASTAPI, "sync", "fastapi", "/call_sync", ADD),
    Target("call", NAIVE, "sync", "naive", "/call", ADD_SYNC),
    Target("echo", STARLETTE, "1 MB echo", "starlette", "/call", ECHO, ECHOED, connections=2),
    Target("echo", OURS, "1 MB echo", "ours", "/bench/mcp/call", ECHO, ECHOED, connections=2),
    Target("echo", NAIVE, "1 MB echo", "naive", "/call", ECHO, ECHOED, connections=2),
    Target("native", SDK, "native 2025-11-25", "sdk", "/mcp", LEGACY_CALL, headers=LEGACY, connections=4),
    Target("native", RESUMABLE, "native 2025-11-25", "sdk_events", "/mcp", LEGACY_CALL, headers=LEGACY, connections=4),
    Target("native", OURS, "native 2025-11-25", "ours", "/bench/mcp", LEGACY_CALL, headers=LEGACY, connections=4),
    Target("native", SDK, "native 2026-07-28", "sdk", "/mcp", MODERN_CALL, headers=MODERN, connections=4),
    Target("native", OURS, "native 2026-07-28", "ours", "/bench/mcp", MODERN_CALL, headers=MODERN, connections=4),
] + [
    Target("latency", who, f"async, {connections} at once", program, path, ADD, connections=connections)
    for connections in (1, 64, 512)
    for who, program, path in ((STARLETTE, "starlette", "/call"), (OURS, "ours", "/bench/mcp/call"))
]


@dataclass(frozen=True, slots=True)
class Goal:
    """At most `limit` times the CPU time of `against` for `measured`. Without a limit the ratio is only shown."""

    measured: str
    against: str
    limit: float | None = None


GOALS = [
    Goal(f"{RAW}: a constant, our HTTP protocol", f"{RAW}: a constant", 1.02),
    Goal(f"{OURS}: async", f"{STARLETTE}: async", 1.0),
    Goal(f"{OURS}: async", f"{FASTAPI}: async", 0.6),
    Goal(f"{OURS}: sync", f"{FASTAPI}: sync", 0.6),
    Goal(f"{OURS}: 1 MB echo", f"{NAIVE}: 1 MB echo", 0.6),
    Goal(f"{OURS}: native 2025-11-25", f"{RESUMABLE}: native 2025-11-25", 1.05),
    Goal(f"{OURS}: native 2025-11-25", f"{SDK}: native 2025-11-25"),
    Goal(f"{OURS}: native 2026-07-28", f"{SDK}: native 2026-07-28", 1.05),
]
