"""The client of Redis, which one setting turns on, and the name of the deployment in its keys."""

from __future__ import annotations

from typing import Any

import pytest
from mcp.server.mcpserver import MCPServer

from features.local import Found
from features.redis import redis
from gateway.errors import LoadError
from settings.values import Settings
from tests.features.made import names_of

URL = "redis://127.0.0.1:1"


def found(*names: str) -> Found:
    return Found({name: MCPServer(name) for name in names})


def prefix(*servers: str, **settings: Any) -> str:
    client = redis(Settings(redis_url=URL, **settings), found(*servers)).client
    assert client is not None
    return client.prefix


def test_redis_is_off_unless_configured() -> None:
    off = redis(Settings(), Found())
    assert (off.client, off.interceptors, off.lifetimes) == (None, (), ())
    on = redis(Settings(redis_url=URL), Found())
    assert (names_of(on.interceptors), len(on.lifetimes)) == (["RedisBudget"], 1)
    with pytest.raises(LoadError, match="REDIS_URL"):
        redis(Settings(redis_url="http://127.0.0.1"), Found())


def test_replicas_and_workers_of_one_deployment_have_the_same_prefix() -> None:
    one = prefix("math", "echo", public_url="https://tools.example.com", allowed_hosts=("a", "b"))
    other = {"port": 9000, "host": "0.0.0.0", "workers": 4, "log_level": "debug", "rate_limit": "1/minute"}
    assert one == prefix("echo", "math", public_url="https://tools.example.com", allowed_hosts=("b", "a"), **other)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("public_url", "https://staging.example.com"),
        ("allowed_hosts", ("staging.example.com",)),
        ("auth_keys", "staging.json"),
        ("auth_issuer", "https://id.example.com"),
        ("auth_audience", "https://staging.example.com"),
    ],
)
def test_other_deployments_have_other_prefixes(field: str, value: Any) -> None:
    assert prefix("math", **{field: value}) != prefix("math")


def test_routers_of_other_servers_have_other_prefixes() -> None:
    assert len({prefix("math"), prefix("math", "echo"), prefix("echo"), prefix()}) == 4


def test_prefix_that_is_set_replaces_the_derived_one() -> None:
    assert prefix("math", redis_prefix="prod") == prefix("echo", redis_prefix="prod") == "multi-mcp:prod:"
