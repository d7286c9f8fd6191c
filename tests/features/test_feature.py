"""Features that are off, which are empty and import nothing, and missing packages."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from features.feature import Feature, optional_packages
from gateway.errors import LoadError
from tests.blocked import made_without

ROOT = Path(__file__).parents[2]

OFF = """
import sys
from features import all, auth, cache, limits, local, redis, telemetry
from features.feature import Feature
from features.surfaces import admin, console, graphql, websocket
from features.surfaces.reach import Reach
from gateway.servers.names import Names
from gateway.servers.registry import Registry
from settings.values import Settings

settings = Settings(log_level="warning", websocket=False, idempotency_max_bytes=0)
registry = Registry()
before = {*sys.modules}
assert redis.redis(settings, local.Found()).client is None
features = all.all_features(settings, local.Found(), registry, int)
reach = Reach(settings, features, registry, Names(registry), local.Begun())
assert websocket.web_sockets(reach) is None
made = [
    features.call_log, features.address, features.tracing, features.rate_limits, features.cache, features.redis,
    features.auth, features.metrics, features.prefix,
    features.versions, features.events, features.console,
    websocket.websocket(reach, None), graphql.graphql(reach, None), admin.admin(reach), console.console_pages(reach),
]
for feature in made:
    print(type(feature).__name__, *feature.interceptors, *feature.middleware, *feature.routes, *feature.lifetimes)
print(*sorted({*sys.modules} - before))
"""


@pytest.mark.slow
def test_features_that_are_off_are_empty_and_import_nothing() -> None:
    done = subprocess.run([sys.executable, "-c", OFF], cwd=ROOT, capture_output=True, text=True, check=True)
    off = ["CallLogged", *["Feature"] * 2, "RateLimits", "Feature", "Redis", "Auth", "Metrics", *["Feature"] * 2]
    kinds = [*off, "Events", "Console", *["Surface"] * 4]
    refuses_keys = "gateway.idempotency gateway.idempotency.refusal"  # a key that nobody heeds would be worse
    assert done.stdout.splitlines() == [*kinds, refuses_keys]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("missing", "setting", "environ"),
    [
        ("prometheus_client", "MCP_METRICS", {"MCP_METRICS": "/metrics"}),
        ("redis", "REDIS_URL", {"REDIS_URL": "redis://127.0.0.1"}),
        ("graphql", "MCP_GRAPHQL", {"MCP_GRAPHQL": "/graphql"}),
        ("jwt", "MCP_AUTH_ISSUER", {"MCP_AUTH_ISSUER": "https://x", "MCP_AUTH_AUDIENCE": "https://y"}),
    ],
)
def test_missing_package_is_reported_in_one_line(missing: str, setting: str, environ: dict[str, str]) -> None:
    ended = made_without(missing, **environ)
    assert ended.returncode == 1
    (line,) = ended.stderr.splitlines()
    assert line.startswith(f"multi-mcp: {setting} needs the package {missing!r}, which is not installed; ")
    assert "pip install -r requirements/optional.txt" in line
    assert (ROOT / "requirements" / "optional.txt").exists()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("missing", "environ", "start"),
    [
        (
            "redis",
            {"REDIS_URL": "localhost:6379"},
            "REDIS_URL: expected a URL that begins with one of redis://, rediss://, unix://",
        ),
        ("redis", {"REDIS_URL": "redis://127.0.0.1", "MCP_RATE_LIMIT": "often"}, "MCP_RATE_LIMIT"),
        ("jwt", {"MCP_AUTH_ISSUER": "issuer"}, "MCP_AUTH_ISSUER='issuer'"),
        ("jwt", {"MCP_AUTH_ISSUER": "https://issuer.example"}, "MCP_AUTH_ISSUER needs MCP_AUTH_AUDIENCE"),
    ],
)
def test_wrong_value_is_reported_before_a_missing_package(missing: str, environ: dict[str, str], start: str) -> None:
    (line,) = made_without(missing, **environ).stderr.splitlines()
    assert line.startswith(f"multi-mcp: {start}")


def test_missing_package_is_a_load_error_that_names_it() -> None:
    message = r"^MCP_X needs the package 'no', which is not installed; "
    with pytest.raises(LoadError, match=message), optional_packages("MCP_X"):
        import_module("no.such.module")


def test_other_errors_of_a_feature_are_not_changed() -> None:
    with pytest.raises(ImportError, match="of another kind"), optional_packages("MCP_X"):
        raise ImportError("of another kind")


def test_feature_without_parts_is_empty() -> None:
    feature = Feature()
    assert not [*feature.interceptors, *feature.middleware, *feature.routes, *feature.lifetimes]
