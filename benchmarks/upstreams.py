"""The router in front of servers that run elsewhere, beside the SDK alone and other proxies, in the same rounds.

The upstream is a process of its own, on the core of wrk. The CPU time is that of the proxy alone.
"""

import json
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.load import HERE, ON_WRK_CORE, Process, WrongAnswerError
from benchmarks.targets import ADD, LEGACY, LEGACY_CALL, MODERN, MODERN_CALL, OURS, SDK, STARLETTE, Goal, Target

GROUP, MANY, INSTANCES = "upstreams", 100, 3
ROOT = HERE.parent
CHILD = [*ON_WRK_CORE, sys.executable, "-m", "benchmarks.servers.bench_server"]
IDLE_CHILD = ["-IS", str(ROOT / "tests" / "gateway" / "upstream" / "peer.py")]
SETTLING = 120
ROUTERS = ("ours with upstreams", "ours with one idle upstream", f"ours with {MANY} idle upstreams")

MCPO, MCP_PROXY = ROOT / ".venv-peers" / "bin" / "mcpo", ROOT / ".venv-peers" / "bin" / "mcp-proxy"
FASTMCP = ROOT / ".venv-makes" / "bin" / "python"
FASTMCP_PROXY = (
    "import sys; from fastmcp.server import create_proxy as c; c({0}).run('http', port={1}, show_banner=False)"
)
PEERS = {"mcpo, child": MCPO, "mcpo, HTTP": MCPO, "mcp-proxy, child": MCP_PROXY, "fastmcp, HTTP": FASTMCP}
"""The programs of other proxies, each in an environment whose SDK is not the router's."""

ARGUMENTS = json.dumps({"a": 10, "b": 32}).encode()


def ours(what: str, path: str, body: bytes = ADD, **more: Any) -> Target:
    return Target(GROUP, OURS, what, "ours with upstreams", path, body, **more)


NATIVE: dict[str, Any] = {"body": MODERN_CALL, "headers": MODERN, "connections": 4}
IN_SESSION: dict[str, Any] = {"body": LEGACY_CALL, "headers": LEGACY, "connections": 4}
UPSTREAMS = [
    Target(GROUP, STARLETTE, "async, beside upstreams", "starlette", "/call", ADD),
    ours("JSON to a child", "/child/mcp/call"),
    ours("JSON to HTTP 2026-07-28", "/modern/mcp/call"),
    ours("JSON to HTTP 2025-11-25", "/legacy/mcp/call"),
    ours(f"JSON to HTTP 2026-07-28, {INSTANCES} instances", "/several/mcp/call"),
    ours(f"JSON to HTTP 2025-11-25, {INSTANCES} instances", "/several-legacy/mcp/call"),
    Target(GROUP, "mcpo", "JSON to a child", "mcpo, child", "/add", ARGUMENTS),
    Target(GROUP, "mcpo", "JSON to HTTP", "mcpo, HTTP", "/add", ARGUMENTS),
    Target(GROUP, SDK, "native 2026-07-28, beside upstreams", "sdk", "/mcp", **NATIVE),
    ours("native 2026-07-28 to HTTP 2026-07-28", "/modern/mcp", **NATIVE),
    ours(f"native 2026-07-28 to HTTP 2026-07-28, {INSTANCES} instances", "/several/mcp", **NATIVE),
    ours("native 2026-07-28 to a child", "/child/mcp", **NATIVE),
    ours("native 2025-11-25 to a child", "/child/mcp", **IN_SESSION),
    Target(GROUP, "mcp-proxy", "native 2025-11-25 to a child", "mcp-proxy, child", "/mcp", **IN_SESSION),
    Target(GROUP, "fastmcp", "native 2026-07-28 to HTTP", "fastmcp, HTTP", "/mcp", **NATIVE),
    Target(GROUP, OURS, "local call, no upstream", "ours", "/bench/mcp/call", ADD),
    Target(GROUP, OURS, f"local call, {MANY} idle upstreams", ROUTERS[2], "/bench/mcp/call", ADD),
]
_BY_HAND, _SDK = (f"{who}, beside upstreams" for who in (f"{STARLETTE}: async", f"{SDK}: native 2026-07-28"))
UPSTREAM_GOALS = [
    Goal(f"{OURS}: JSON to a child", _BY_HAND, 4.5),
    Goal(f"{OURS}: JSON to HTTP 2026-07-28", _BY_HAND, 3.5),
    Goal(f"{OURS}: JSON to HTTP 2025-11-25", _BY_HAND, 3.5),
    Goal(f"{OURS}: native 2026-07-28 to HTTP 2026-07-28", _SDK, 1.4),
    Goal(f"{OURS}: native 2026-07-28 to a child", _SDK, 1.9),
    *(
        Goal(f"{OURS}: {way}, {INSTANCES} instances", f"{OURS}: {way}", 1.1)
        for way in ("JSON to HTTP 2026-07-28", "JSON to HTTP 2025-11-25", "native 2026-07-28 to HTTP 2026-07-28")
    ),
    Goal(f"{OURS}: JSON to a child", "mcpo: JSON to a child", 0.125),
    Goal(f"{OURS}: JSON to HTTP 2025-11-25", "mcpo: JSON to HTTP", 0.04),
    Goal(f"{OURS}: native 2025-11-25 to a child", "mcp-proxy: native 2025-11-25 to a child"),
    Goal(f"{OURS}: native 2026-07-28 to HTTP 2026-07-28", "fastmcp: native 2026-07-28 to HTTP", 0.01),
    Goal(f"{OURS}: local call, {MANY} idle upstreams", f"{OURS}: local call, no upstream", 1.02),
]


def installed(targets: Iterable[Target]) -> list[Target]:
    """Returns the targets without proxies that are not installed, and names those on standard error."""
    missing = sorted({name for name, program in PEERS.items() if not program.exists()})
    for name in missing:
        print(f"left out: {name} ({PEERS[name]} is missing)", file=sys.stderr)
    return [target for target in targets if target.program not in missing]


def write_entries(folder: Path, urls: Sequence[str]) -> None:
    """Writes a file of servers for each router of `ROUTERS`. The first of the instances is also a server by itself."""
    over_http = {
        "modern": {"url": urls[0], "era": "modern"},
        "legacy": {"url": urls[0], "era": "legacy"},
        "several": {"instances": urls, "era": "modern"},
        "several-legacy": {"instances": urls, "era": "legacy"},
    }
    idle = {"command": sys.executable, "args": IDLE_CHILD, "idleTimeout": 0.5}
    child = {"command": CHILD[0], "args": CHILD[1:], "cwd": str(ROOT)}
    files = (
        {"child": child, **over_http},
        {"idle-0": idle},
        {f"idle-{number}": idle for number in range(MANY)},
    )
    for program, entries in zip(ROUTERS, files, strict=True):
        (folder / f"{program}.json").write_text(json.dumps({"mcpServers": entries}))


def proxy_command(program: str, port: int, folder: Path) -> Sequence[str]:
    """Returns the command of another proxy."""
    url = json.loads((folder / f"{ROUTERS[0]}.json").read_text())["mcpServers"]["legacy"]["url"]
    return {
        "mcpo, child": [str(MCPO), "--port", str(port), "--", *CHILD],
        "mcpo, HTTP": [str(MCPO), "--port", str(port), "--server-type", "streamable-http", "--", url],
        "mcp-proxy, child": [str(MCP_PROXY), "--port", str(port), "--", *CHILD],
        "fastmcp, HTTP": [str(FASTMCP), "-c", FASTMCP_PROXY.format(repr(url), port)],
    }[program]


def settle(router: Process) -> None:
    """Waits until its idle upstreams have started and stopped."""
    deadline = time.monotonic() + SETTLING
    while time.monotonic() < deadline:
        servers = json.loads(router.ask("GET", "/health").body)["servers"]
        if all(server["status"] == "idle" for server in servers if server["server"].startswith("idle-")):
            return
        time.sleep(0.2)
    raise WrongAnswerError("idle upstreams do not stop")


def idle_line(one: float, many: float) -> str:
    """Returns a sentence about the memory of a router with one idle upstream, and with many, in MiB."""
    each = (many - one) / (MANY - 1) * 1024
    return f"An idle upstream: no process, {each:.0f} KiB of the router ({MANY} against 1; at most 50).\n"
