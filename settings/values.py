"""Every setting: its name in the environment, default, range and meaning. Read once, when the process starts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

from settings.network import Network, hosts, networks, origins, path, url
from settings.reader import choice, flag, fraction, names, permissions, seconds, secrets, setting_of, text, whole, word


@dataclass(frozen=True)
class Settings:
    """Times are seconds, sizes are bytes. docs/settings.md has a row for each field, in this order."""

    host: str = text(
        "HOST", "127.0.0.1", "address to listen on; `localhost` is 127.0.0.1 and ::1, `0.0.0.0` every IPv4 address"
    )
    port: int = whole("PORT", 8000, "port to listen on; `0` picks a free one", at_least=0, at_most=65535)
    uds: str = text("UDS", "", "path of a Unix socket to listen on, in place of `HOST` and `PORT`")
    uds_mode: int = permissions("UDS_MODE", 0o660, "permissions of the Unix socket's file, in octal")
    workers: int = whole("WORKERS", 1, "worker processes; more than one makes MCP stateless", at_least=1)
    servers_dir: tuple[str, ...] = names(
        "MCP_SERVERS_DIR", ("mcp_servers",), "folders with servers, separated by `:`", separator=":"
    )
    servers: tuple[str, ...] = names(
        "SERVERS", (), "names of the servers to serve, in this order, separated by `,`", separator=",", unset="all"
    )
    servers_file: str = text("MCP_SERVERS_FILE", "", "file of servers elsewhere, as Claude Desktop and Cursor write it")
    pins_file: str = text("MCP_PINS_FILE", "", "file of the approved tools of servers elsewhere; the router writes it")
    follow: bool = flag("MCP_FOLLOW", False, "`1` follows the files of servers, and changes the servers while it runs")
    websocket: bool = flag("MCP_WEBSOCKET", True, "`0` disables WebSocket")
    shutdown_grace: float = seconds("MCP_SHUTDOWN_GRACE", 10.0, "seconds for calls in flight to finish after SIGTERM")
    drain_delay: float = seconds(
        "MCP_DRAIN_DELAY",
        0.0,
        "seconds after SIGTERM in which the router still takes requests, while `/readyz` answers 503",
        zero=True,
    )

    stateless: bool = flag(
        "MCP_STATELESS", False, "`1` serves MCP without sessions, as replicas need; no sampling, no elicitation"
    )
    max_sessions: int = whole(
        "MCP_MAX_SESSIONS", 10_000, "open MCP sessions of each server; further ones get 503", at_least=1
    )
    session_idle_timeout: float = seconds(
        "MCP_SESSION_IDLE_TIMEOUT", 1800.0, "seconds without a request until a session is closed"
    )
    max_body: int = whole(
        "MCP_MAX_BODY", 4 * 1024 * 1024, "bytes in a request body or a WebSocket frame; larger ones get 413", at_least=1
    )
    max_result: int = whole(
        "MCP_MAX_RESULT",
        16 * 1024 * 1024,
        "bytes in the JSON of a result; a larger one is a crash of its tool",
        at_least=1024,
    )
    call_timeout: float = seconds(
        "MCP_CALL_TIMEOUT", 60.0, "seconds that a call may take without progress; longer ones get 504"
    )
    call_total_timeout: float = seconds(
        "MCP_CALL_TOTAL_TIMEOUT", 600.0, "seconds that a call may take in all if its tool reports progress"
    )
    input_timeout: float = seconds(
        "MCP_INPUT_TIMEOUT", 300.0, "seconds that a call waits for the input that its tool requested from the client"
    )
    list_timeout: float = seconds("MCP_LIST_TIMEOUT", 2.0, "seconds that a server has for its part of a list at `/mcp`")
    threads: int = whole("MCP_THREADS", 40, "threads for the synchronous tools of each server", at_least=1)
    max_calls: int = whole("MCP_MAX_CALLS", 1000, "calls in flight in each worker; further ones get 503", at_least=1)
    max_share: float = fraction(
        "MCP_MAX_SHARE",
        0.25,
        "part of each limit (sessions, streams, sockets, calls, threads) that one principal may hold; `1` is all of it",
    )

    head_timeout: float = seconds(
        "MCP_HEAD_TIMEOUT", 10.0, "seconds in which the head of a request must arrive; a later one gets 408"
    )
    body_timeout: float = seconds(
        "MCP_BODY_TIMEOUT", 30.0, "seconds without a byte of a body that is arriving; then the request gets 408"
    )
    keep_alive: float = seconds(
        "MCP_KEEP_ALIVE", 75.0, "seconds that a connection stays open for the next request; above that of a proxy"
    )
    write_timeout: float = seconds(
        "MCP_WRITE_TIMEOUT", 60.0, "seconds in which a client takes nothing of an answer; then its connection is closed"
    )
    max_connections: int = whole(
        "MCP_MAX_CONNECTIONS", 10_000, "open connections of each worker; further ones get 503", at_least=1
    )
    max_connections_per_address: int = whole(
        "MCP_MAX_CONNECTIONS_PER_ADDRESS",
        2500,
        "open connections of one address that is not a trusted proxy; an IPv6 address counts by its /64",
        at_least=1,
    )
    max_body_total: int = whole(
        "MCP_MAX_BODY_TOTAL",
        64 * 1024 * 1024,
        "bytes of requests that are arriving in each worker, a quarter for one address; further ones get 503",
        at_least=1,
    )

    allowed_hosts: tuple[str, ...] = hosts(
        "MCP_ALLOWED_HOSTS",
        "host names that requests and web pages may use besides `localhost`, `127.0.0.1` and `::1`, separated by `,`; "
        "`*` allows all",
    )
    allowed_origins: tuple[str, ...] = origins(
        "MCP_ALLOWED_ORIGINS", "origins of other pages that may call, such as `tauri://localhost`, separated by `,`"
    )
    public_url: str = url("MCP_PUBLIC_URL", "URL at which clients reach the router, if a proxy changes it")
    trusted_proxies: tuple[Network, ...] = networks(
        "MCP_TRUSTED_PROXIES",
        "addresses or networks of proxies whose `X-Forwarded-For` and `X-Forwarded-Prefix` are trusted, separated by "
        "`,`; `unix` is every client of the Unix socket",
    )

    auth_keys: str = text(
        "MCP_AUTH_KEYS", "", "file of API keys, written by `python -m gateway.auth`; enables authentication"
    )
    auth_issuer: str = text(
        "MCP_AUTH_ISSUER",
        "",
        "URL of the OAuth 2.1 authorization server whose access tokens (JWT) are accepted; enables authentication",
    )
    auth_audience: str = text(
        "MCP_AUTH_AUDIENCE", "", "audience that access tokens must name; required with `MCP_AUTH_ISSUER`"
    )
    destructive_scope: str = text("MCP_DESTRUCTIVE_SCOPE", "", "additional scope for tools marked `destructiveHint`")

    rate_limit: str = text(
        "MCP_RATE_LIMIT", "", "calls allowed for each caller, such as `100/minute; math:*=1000/minute`"
    )
    redis_url: str = text(
        "REDIS_URL", "", "URL of a Redis or Valkey that replicas share: limits, cache, tools that ask, change events"
    )
    redis_prefix: str = word(
        "MCP_REDIS_PREFIX",
        "name of this deployment in the keys of Redis; routers of equal names share counts and results",
        unset="derived",
    )
    rate_limit_without_redis: str = choice(
        "MCP_RATE_LIMIT_WITHOUT_REDIS",
        "open",
        "`open` allows calls while Redis is unavailable, `closed` answers them with 503",
        choices=("open", "closed"),
    )
    state_keys: tuple[str, ...] = secrets(
        "MCP_STATE_KEYS", "secrets of 32 bytes or more, separated by `,`; the first seals `requestState`, all open it"
    )
    cache_max_bytes: int = whole(
        "MCP_CACHE_MAX_BYTES", 64 * 1024 * 1024, "bytes of the results cached in the memory of a worker", at_least=1024
    )
    idempotency_max_bytes: int = whole(
        "MCP_IDEMPOTENCY_MAX_BYTES",
        64 * 1024 * 1024,
        "bytes of the answers kept for `Idempotency-Key` in memory, an eighth for one; `0` refuses calls with a key",
        at_least=0,
    )

    log_level: str = choice(
        "LOG_LEVEL",
        "info",
        "`debug`, `info`, `warning` or `error`; `info` logs each call, `debug` also the traceback of a failed start",
        choices=("debug", "info", "warning", "error"),
    )
    log_format: str = choice("LOG_FORMAT", "text", "`text` or `json`, on standard error", choices=("text", "json"))
    log_arguments: bool = flag("LOG_ARGUMENTS", False, "`1` logs the arguments and the result of each call")
    metrics: str = path("MCP_METRICS", "path of the Prometheus metrics, such as `/metrics`; enables them")
    metrics_port: int = whole(
        "MCP_METRICS_PORT", 0, "port for the metrics alone; `0` is the router's own port", at_least=0, at_most=65535
    )
    metrics_open: bool = flag("MCP_METRICS_OPEN", False, "`1` serves the metrics without authentication")
    metrics_folder: str = text(
        "PROMETHEUS_MULTIPROC_DIR", "", "folder in which several workers count; a temporary one if unset"
    )
    otlp_endpoint: str = text("OTEL_EXPORTER_OTLP_ENDPOINT", "", "URL of an OpenTelemetry collector; enables traces")
    otlp_traces_endpoint: str = text(
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "", "the same for traces alone, with the full path; enables traces"
    )
    traces_exporter: str = text(
        "OTEL_TRACES_EXPORTER", "", "`otlp`, `console`, `otlp,console` or `none`; if unset, `otlp` with an endpoint"
    )
    otel_disabled: str = text("OTEL_SDK_DISABLED", "", "`true` disables traces")

    def __post_init__(self) -> None:
        # A session lives in the memory of one worker, and its next request may reach another one.
        if self.workers > 1:
            object.__setattr__(self, "stateless", True)

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> Settings:
        """Reads every setting from `environ`.

        Raises:
            SettingError: a value is of the wrong kind or out of range.
        """
        return cls(**{declared.name: setting_of(declared).read(environ) for declared in fields(cls)})
