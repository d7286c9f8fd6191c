"""The servers, the address, and the bounds within which requests are served."""

from __future__ import annotations

from dataclasses import dataclass

from settings.reader import flag, fraction, names, permissions, seconds, text, whole


@dataclass(frozen=True)
class Serving:
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
