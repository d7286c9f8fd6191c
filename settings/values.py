"""Every setting: its name in the environment, its default, its meaning. Read once, by `app.py` alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from settings.reader import Network, Reader


@dataclass(frozen=True)
class Settings:
    """Times are seconds, sizes are bytes."""

    host: str = "127.0.0.1"
    port: int = 8000
    workers: int = 1
    log_level: str = "info"
    log_format: str = "text"
    log_arguments: bool = False
    servers_dir: tuple[str, ...] = ("mcp_servers",)
    servers: tuple[str, ...] = ()
    allowed_hosts: tuple[str, ...] = ()
    stateless: bool = False
    max_sessions: int = 10_000
    session_idle_timeout: float = 1800.0
    retry_interval: float = 1.0
    events_per_stream: int = 256
    events_max_bytes: int = 64 * 1024 * 1024
    max_body: int = 4 * 1024 * 1024
    call_timeout: float = 60.0
    input_timeout: float = 300.0
    threads: int = 40
    max_calls: int = 1000
    shutdown_grace: float = 10.0
    auth_keys: str = ""
    auth_issuer: str = ""
    auth_audience: str = ""
    auth_max_failures: int = 20
    destructive_scope: str = ""
    public_url: str = ""
    trusted_proxies: tuple[Network, ...] = ()
    redis_url: str = ""
    rate_limit: str = ""
    rate_limit_callers: int = 10_000
    rate_limit_without_redis: str = "open"
    cache_entries: int = 10_000
    cache_max_bytes: int = 64 * 1024 * 1024
    metrics: str = ""
    metrics_port: int = 0
    metrics_open: bool = False
    metrics_folder: str = ""
    otlp_endpoint: str = ""
    otlp_traces_endpoint: str = ""
    traces_exporter: str = ""
    otel_disabled: str = ""
    websocket: bool = True
    ws_max_connections: int = 10_000
    ws_max_in_flight: int = 100
    ws_idle_timeout: float = 300.0
    ws_auth_timeout: float = 10.0

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> Settings:
        """Read every setting from `environ`.

        Raises:
            SettingError: a value is not of its kind or out of its range.
        """
        read = Reader(environ)
        return cls(**_process(read), **_calls(read), **_guards(read), **_watched(read), **_websocket(read))

    @property
    def traces(self) -> tuple[str, ...]:
        """The exporters that spans go to; empty where they are off. These are OpenTelemetry's own rules."""
        if self.otel_disabled.lower() == "true":
            return ()
        wanted = self.traces_exporter or ("otlp" if self.otlp_endpoint or self.otlp_traces_endpoint else "none")
        names = tuple(name.strip() for name in wanted.split(","))
        return () if "none" in names else names


def _process(read: Reader) -> dict[str, Any]:
    """Where it listens, what it serves, what it says."""
    return {
        "host": read.text("HOST", Settings.host),
        "port": read.whole("PORT", Settings.port, at_least=0, at_most=65535),
        "workers": read.whole("WORKERS", Settings.workers, at_least=1),
        "log_level": read.choice("LOG_LEVEL", Settings.log_level, ("debug", "info", "warning", "error")),
        "log_format": read.choice("LOG_FORMAT", Settings.log_format, ("text", "json")),
        "log_arguments": read.flag("LOG_ARGUMENTS", Settings.log_arguments),
        "servers_dir": read.names("MCP_SERVERS_DIR", Settings.servers_dir, ":"),
        "servers": read.names("SERVERS", Settings.servers, ","),
        "allowed_hosts": read.hosts("MCP_ALLOWED_HOSTS", Settings.allowed_hosts),
    }


def _calls(read: Reader) -> dict[str, Any]:
    """Sessions and calls, and their bounds."""
    return {
        "stateless": read.flag("MCP_STATELESS", Settings.stateless)
        or read.whole("WORKERS", Settings.workers, at_least=1) > 1,
        "max_sessions": read.whole("MCP_MAX_SESSIONS", Settings.max_sessions, at_least=1),
        "session_idle_timeout": read.seconds("MCP_SESSION_IDLE_TIMEOUT", Settings.session_idle_timeout),
        "retry_interval": read.seconds("MCP_RETRY_INTERVAL", Settings.retry_interval),
        "events_per_stream": read.whole("MCP_EVENTS_PER_STREAM", Settings.events_per_stream, at_least=1),
        "events_max_bytes": read.whole("MCP_EVENTS_MAX_BYTES", Settings.events_max_bytes, at_least=1024),
        "max_body": read.whole("MCP_MAX_BODY", Settings.max_body, at_least=1),
        "call_timeout": read.seconds("MCP_CALL_TIMEOUT", Settings.call_timeout),
        "input_timeout": read.seconds("MCP_INPUT_TIMEOUT", Settings.input_timeout),
        "threads": read.whole("MCP_THREADS", Settings.threads, at_least=1),
        "max_calls": read.whole("MCP_MAX_CALLS", Settings.max_calls, at_least=1),
        "shutdown_grace": read.seconds("MCP_SHUTDOWN_GRACE", Settings.shutdown_grace),
    }


def _guards(read: Reader) -> dict[str, Any]:
    """Who may do what, and how often."""
    return {
        "auth_keys": read.text("MCP_AUTH_KEYS", Settings.auth_keys),
        "auth_issuer": read.text("MCP_AUTH_ISSUER", Settings.auth_issuer),
        "auth_audience": read.text("MCP_AUTH_AUDIENCE", Settings.auth_audience),
        "auth_max_failures": read.whole("MCP_AUTH_MAX_FAILURES", Settings.auth_max_failures, at_least=1),
        "destructive_scope": read.text("MCP_DESTRUCTIVE_SCOPE", Settings.destructive_scope),
        "public_url": read.url("MCP_PUBLIC_URL", Settings.public_url),
        "trusted_proxies": read.networks("MCP_TRUSTED_PROXIES"),
        "redis_url": read.text("REDIS_URL", Settings.redis_url),
        "rate_limit": read.text("MCP_RATE_LIMIT", Settings.rate_limit),
        "rate_limit_callers": read.whole("MCP_RATE_LIMIT_CALLERS", Settings.rate_limit_callers, at_least=1),
        "rate_limit_without_redis": read.choice(
            "MCP_RATE_LIMIT_WITHOUT_REDIS", Settings.rate_limit_without_redis, ("open", "closed")
        ),
        "cache_entries": read.whole("MCP_CACHE_ENTRIES", Settings.cache_entries, at_least=1),
        "cache_max_bytes": read.whole("MCP_CACHE_MAX_BYTES", Settings.cache_max_bytes, at_least=1024),
    }


def _watched(read: Reader) -> dict[str, Any]:
    """What those who run it see. The names that do not begin with MCP are of Prometheus' client and OpenTelemetry."""
    return {
        "metrics": read.path("MCP_METRICS", Settings.metrics),
        "metrics_port": read.whole("MCP_METRICS_PORT", Settings.metrics_port, at_least=0, at_most=65535),
        "metrics_open": read.flag("MCP_METRICS_OPEN", Settings.metrics_open),
        "metrics_folder": read.text("PROMETHEUS_MULTIPROC_DIR", Settings.metrics_folder),
        "otlp_endpoint": read.text("OTEL_EXPORTER_OTLP_ENDPOINT", Settings.otlp_endpoint),
        "otlp_traces_endpoint": read.text("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", Settings.otlp_traces_endpoint),
        "traces_exporter": read.text("OTEL_TRACES_EXPORTER", Settings.traces_exporter),
        "otel_disabled": read.text("OTEL_SDK_DISABLED", Settings.otel_disabled),
    }


def _websocket(read: Reader) -> dict[str, Any]:
    """Connections and their bounds."""
    return {
        "websocket": read.flag("MCP_WEBSOCKET", Settings.websocket),
        "ws_max_connections": read.whole("MCP_WS_MAX_CONNECTIONS", Settings.ws_max_connections, at_least=1),
        "ws_max_in_flight": read.whole("MCP_WS_MAX_IN_FLIGHT", Settings.ws_max_in_flight, at_least=1),
        "ws_idle_timeout": read.seconds("MCP_WS_IDLE_TIMEOUT", Settings.ws_idle_timeout),
        "ws_auth_timeout": read.seconds("MCP_WS_AUTH_TIMEOUT", Settings.ws_auth_timeout),
    }
