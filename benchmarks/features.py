"""The cost of each feature: the router with the feature on and with all features off, in the same rounds."""

import json
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

from benchmarks.load import HERE
from benchmarks.targets import ADD, JSON, OURS, Goal, Target
from benchmarks.upstreams import ROUTERS

PATH = "/bench/mcp/call"
KEY = "mcp_benchkey_" + "k" * 43
BEARER = JSON | {"authorization": f"Bearer {KEY}"}
LIMIT = {"MCP_RATE_LIMIT": "100000/minute"}
METRICS = {"MCP_METRICS": "/metrics"}
CONSOLE = {"MCP_CONSOLE": "1"}
CACHED = {"MCP_SERVERS_DIR": str(HERE / "cached_servers")}
VERSIONS = {"MCP_SERVERS_DIR": str(HERE / "versioned_servers"), "MCP_TOOL_ROUTES": "bench:add=1:0,2:100"}
GRAPHQL = {"MCP_GRAPHQL": "/graphql"}
MUTATION = json.dumps({"query": "mutation { bench_add(a: 10, b: 32) }"}).encode()
OFF = Target("features", OURS, "all off", "ours", PATH, ADD)

FEATURES = [
    OFF,
    Target("features", OURS, "API key", "ours with key", PATH, ADD, headers=BEARER),
    Target("features", OURS, "rate limit in memory", "ours with limit", PATH, ADD),
    Target("features", OURS, "metrics", "ours with metrics", PATH, ADD),
    Target("features", OURS, "key, rate limit and metrics", "ours with all", PATH, ADD, headers=BEARER),
    Target("features", OURS, "cache hit", "ours with cache", PATH, ADD),
    Target("features", OURS, "console", "ours with console", PATH, ADD),
    Target("features", OURS, "versions, routed", "ours with versions", PATH, ADD),
    Target("features", OURS, "GraphQL", "ours with graphql", "/graphql", MUTATION),
]
FEATURE_GOALS = [
    Goal(f"{OURS}: API key", OFF.name, 1.1),
    Goal(f"{OURS}: rate limit in memory", OFF.name, 1.2),
    Goal(f"{OURS}: metrics", OFF.name, 1.1),
    Goal(f"{OURS}: key, rate limit and metrics", OFF.name, 1.5),
    Goal(f"{OURS}: cache hit", OFF.name, 1.2),
    Goal(f"{OURS}: console", OFF.name, 1.1),
    Goal(f"{OURS}: versions, routed", OFF.name, 1.5),
    Goal(f"{OURS}: GraphQL", OFF.name, 2.0),
]


def settings(program: str, folder: Path) -> Mapping[str, str]:
    """Returns the environment of a router by the name of its program."""
    if program in ROUTERS:
        return {"MCP_SERVERS_FILE": str(folder / f"{program}.json")}
    key = {"MCP_AUTH_KEYS": str(folder / "keys.json")}
    return {
        "ours": {},
        "ours with key": key,
        "ours with limit": LIMIT,
        "ours with metrics": METRICS,
        "ours with all": key | LIMIT | METRICS,
        "ours with cache": CACHED,
        "ours with console": CONSOLE,
        "ours with versions": VERSIONS,
        "ours with graphql": GRAPHQL,
    }[program]


def write_keys(folder: Path) -> None:
    """Writes the key file for the key that the requests carry."""
    key = {"id": "benchkey", "name": "bench", "sha256": sha256(KEY.encode()).hexdigest(), "scopes": ["bench:*"]}
    path = folder / "keys.json"
    path.write_text(json.dumps({"keys": [key | {"created": "2026-01-01T00:00:00Z", "expires": None}]}))
    path.chmod(0o600)
