"""Every setting: its default, its value from the environment, and the error if it is invalid."""

from __future__ import annotations

from dataclasses import fields, replace
from ipaddress import ip_network

import pytest

from settings.reader import SettingError
from settings.values import Settings

NAMES = {
    "log_arguments": "LOG_ARGUMENTS",
    "servers": "SERVERS",
    "host": "HOST",
    "port": "PORT",
    "uds": "UDS",
    "uds_mode": "UDS_MODE",
    "workers": "WORKERS",
    "log_level": "LOG_LEVEL",
    "log_format": "LOG_FORMAT",
    "redis_url": "REDIS_URL",
    "metrics_folder": "PROMETHEUS_MULTIPROC_DIR",
    "otlp_endpoint": "OTEL_EXPORTER_OTLP_ENDPOINT",
    "otlp_traces_endpoint": "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
    "traces_exporter": "OTEL_TRACES_EXPORTER",
    "otel_disabled": "OTEL_SDK_DISABLED",
}


def name_of(field: str) -> str:
    return NAMES.get(field, f"MCP_{field.upper()}")


def test_missing_and_blank_variables_mean_the_default() -> None:
    assert Settings.from_env({}) == Settings()
    assert Settings.from_env({name_of(field.name): " " for field in fields(Settings)}) == Settings()


@pytest.mark.parametrize(
    ("field", "text", "value"),
    [
        ("host", "0.0.0.0", "0.0.0.0"),
        ("host", " ::1 ", "::1"),
        ("port", "0", 0),
        ("port", "65535", 65535),
        ("uds", "/run/router.sock", "/run/router.sock"),
        ("uds_mode", "600", 0o600),
        ("workers", "2", 2),
        ("log_level", "DEBUG", "debug"),
        ("log_format", "json", "json"),
        ("log_arguments", "1", True),
        ("log_arguments", "Yes", True),
        ("log_arguments", "false", False),
        ("servers_file", "mcp.json", "mcp.json"),
        ("pins_file", "pins.json", "pins.json"),
        ("follow", "1", True),
        ("servers_dir", "one:two/three: ", ("one", "two/three")),
        ("servers", "math, echo,,", ("math", "echo")),
        ("head_timeout", "2.5", 2.5),
        ("body_timeout", "5", 5.0),
        ("keep_alive", "120", 120.0),
        ("write_timeout", "30", 30.0),
        ("max_connections", "1", 1),
        ("max_connections_per_address", "1", 1),
        ("max_body_total", "1", 1),
        ("allowed_hosts", "tools.example.com, a_b, *", ("tools.example.com", "a_b", "*")),
        ("allowed_origins", "tauri://localhost, app://obsidian.md", ("tauri://localhost", "app://obsidian.md")),
        ("allowed_origins", "HTTPS://A.example:443,http://a:80", ("https://a.example", "http://a")),
        ("allowed_origins", "https://a:80,http://[::1]:8080,file://", ("https://a:80", "http://[::1]:8080", "file://")),
        ("allowed_hosts", "10.0.0.1,::1,[2001:db8::1]", ("10.0.0.1", "::1", "[2001:db8::1]")),
        ("stateless", "true", True),
        ("max_sessions", "1", 1),
        ("session_idle_timeout", "0.5", 0.5),
        ("max_body", "1", 1),
        ("max_result", "1024", 1024),
        ("call_timeout", "1e2", 100.0),
        ("call_total_timeout", "120", 120.0),
        ("input_timeout", "30", 30.0),
        ("list_timeout", "5", 5.0),
        ("threads", "4", 4),
        ("max_calls", "7", 7),
        ("max_share", "1", 1.0),
        ("shutdown_grace", "0.1", 0.1),
        ("drain_delay", "5", 5.0),
        ("auth_keys", "keys.json", "keys.json"),
        ("auth_issuer", "https://id.example.com", "https://id.example.com"),
        ("auth_audience", "https://tools.example.com", "https://tools.example.com"),
        ("destructive_scope", "danger", "danger"),
        ("public_url", "https://tools.example.com/", "https://tools.example.com"),
        ("trusted_proxies", "10.0.0.0/8,::1", (ip_network("10.0.0.0/8"), ip_network("::1"))),
        ("redis_url", "redis://127.0.0.1", "redis://127.0.0.1"),
        ("redis_prefix", "team-a:prod", "team-a:prod"),
        ("rate_limit", "100/minute", "100/minute"),
        ("tool_routes", "math:search=2:90,3:10", "math:search=2:90,3:10"),
        ("rate_limit_without_redis", "Closed", "closed"),
        ("state_keys", f"{'a' * 32}, {'b' * 40}", ("a" * 32, "b" * 40)),
        ("cache_max_bytes", "1024", 1024),
        ("idempotency_max_bytes", "0", 0),
        ("metrics", "/metrics", "/metrics"),
        ("metrics_port", "9100", 9100),
        ("metrics_open", "1", True),
        ("metrics_folder", "/run/metrics", "/run/metrics"),
        ("otlp_endpoint", "http://127.0.0.1:4318", "http://127.0.0.1:4318"),
        ("otlp_traces_endpoint", "http://127.0.0.1:4318/v1/traces", "http://127.0.0.1:4318/v1/traces"),
        ("traces_exporter", "console", "console"),
        ("otel_disabled", "true", "true"),
        ("websocket", "0", False),
        ("console", "1", True),
        ("console_arguments", "1", True),
        ("graphql", "/graphql", "/graphql"),
        ("graphql_persisted", "documents", "documents"),
        ("graphql_only_persisted", "1", True),
        ("admin", "1", True),
        ("admin_stdio", "npx, uvx,image", ("npx", "uvx", "image")),
        ("admin_networks", "10.0.0.0/8,fd00::/8", (ip_network("10.0.0.0/8"), ip_network("fd00::/8"))),
        ("admin_env", "SEARCH_KEY,OTHER", ("SEARCH_KEY", "OTHER")),
    ],
)
def test_each_setting_is_read_from_its_own_variable(field: str, text: str, value: object) -> None:
    assert Settings.from_env({name_of(field): text}) == replace(Settings(), **{field: value})  # type: ignore[arg-type]


def test_every_setting_has_a_case_above() -> None:
    rows = test_each_setting_is_read_from_its_own_variable.pytestmark[0].args[1]  # type: ignore[attr-defined]
    assert {row[0] for row in rows} == {field.name for field in fields(Settings)}


def test_several_workers_are_stateless() -> None:
    assert Settings.from_env({"WORKERS": "2", "MCP_STATELESS": "0"}) == Settings(workers=2, stateless=True)
    assert Settings(workers=2).stateless
    assert not Settings(workers=1).stateless


def test_admin_api_implies_following() -> None:
    assert Settings.from_env({"MCP_ADMIN": "1", "MCP_FOLLOW": "0"}) == Settings(admin=True, follow=True)


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("MCP_ADMIN_STDIO", "/usr/bin/uvx", "names of programs without a path"),
        ("MCP_ADMIN_STDIO", "..", "names of programs without a path"),
        ("MCP_ADMIN_ENV", "1-b", "names of variables"),
        ("MCP_REDIS_PREFIX", "a b", "up to 64 letters, digits and . _ : -"),
        ("MCP_REDIS_PREFIX", "x" * 65, "up to 64 letters, digits and . _ : -"),
        ("PORT", "http", "a whole number from 0 to 65535"),
        ("PORT", "65536", "a whole number from 0 to 65535"),
        ("PORT", "-1", "a whole number from 0 to 65535"),
        ("PORT", "80.0", "a whole number from 0 to 65535"),
        ("PORT", "٨٠", "a whole number from 0 to 65535"),
        ("WORKERS", "0", "a whole number of at least 1"),
        ("MCP_IDEMPOTENCY_MAX_BYTES", "-1", "a whole number of at least 0"),
        ("MCP_CACHE_MAX_BYTES", "1023", "a whole number of at least 1024"),
        ("LOG_LEVEL", "loud", "one of debug, info, warning, error"),
        ("MCP_STATELESS", "maybe", "one of 0, 1, false, true, no, yes"),
        ("MCP_CALL_TIMEOUT", "0", "a number of seconds greater than 0"),
        ("MCP_CALL_TIMEOUT", "nan", "a number of seconds greater than 0"),
        ("MCP_CALL_TIMEOUT", "inf", "a number of seconds greater than 0"),
        ("MCP_CALL_TIMEOUT", "a minute", "a number of seconds greater than 0"),
        ("MCP_MAX_SHARE", "0", "a number greater than 0 and at most 1"),
        ("MCP_MAX_SHARE", "1.01", "a number greater than 0 and at most 1"),
        ("MCP_MAX_SHARE", "nan", "a number greater than 0 and at most 1"),
        ("MCP_MAX_SHARE", "a quarter", "a number greater than 0 and at most 1"),
        ("MCP_ALLOWED_HOSTS", "example.com:8000", "host names without scheme and port, or *"),
        ("MCP_ALLOWED_HOSTS", "https://example.com", "host names without scheme and port, or *"),
        ("MCP_ALLOWED_HOSTS", "*.example.com", "host names without scheme and port, or *"),
        *(
            ("MCP_ALLOWED_ORIGINS", value, "origins like tauri://localhost or https://app.example.com, without a path")
            for value in [
                *["*", "null", "localhost", "https://", "https://a/", "app://a/b", "https://*.a", "//a"],
                "a b://c",
            ]
        ),
        ("MCP_RATE_LIMIT_WITHOUT_REDIS", "shut", "one of open, closed"),
        ("MCP_PUBLIC_URL", "tools.example.com", "a URL that begins with https:// or http://"),
        ("MCP_PUBLIC_URL", "http://[", "a URL that begins with https:// or http://"),
        ("MCP_METRICS", "metrics", "a path like /metrics"),
        ("MCP_METRICS_PORT", "65536", "a whole number from 0 to 65535"),
        ("MCP_SHUTDOWN_GRACE", "0", "a number of seconds greater than 0"),
        ("MCP_DRAIN_DELAY", "-1", "a number of seconds of at least 0"),
        ("MCP_DRAIN_DELAY", "a while", "a number of seconds of at least 0"),
    ],
)
def test_invalid_value_is_reported_with_the_expected_form(name: str, value: str, expected: str) -> None:
    with pytest.raises(SettingError) as caught:
        Settings.from_env({name: value})
    assert str(caught.value) == f"{name}={value.lower()!r}: expected {expected}"


@pytest.mark.parametrize("value", ["short", f"{'a' * 32},short", f"{'a' * 32},{'a' * 32}", "ä" * 32])
def test_secrets_are_in_no_message_and_not_shown(value: str) -> None:
    with pytest.raises(SettingError) as caught:
        Settings.from_env({"MCP_STATE_KEYS": value})
    expected = "different secrets of at least 32 ASCII characters each, separated by `,`"
    assert str(caught.value) == f"MCP_STATE_KEYS: expected {expected}"
    assert "aaa" not in repr(Settings(state_keys=("a" * 32,)))
