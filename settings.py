"""Every setting: its name in the environment, its default, its meaning. Read once, by `app.py` alone."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from starlette.config import Config

_HOST = re.compile(r"\*|[A-Za-z0-9._-]+|\[?[0-9A-Fa-f]*:[0-9A-Fa-f]*:[0-9A-Fa-f:.]*\]?")


class SettingError(Exception):
    """A setting that cannot be used; the message names it, its value and what is expected."""


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

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> Settings:
        """Read every setting from `environ`.

        Raises:
            SettingError: a value is not of its kind or out of its range.
        """
        read = _Reader(environ)
        workers = read.whole("WORKERS", cls.workers, at_least=1)
        return cls(
            host=read.text("HOST", cls.host),
            port=read.whole("PORT", cls.port, at_least=0, at_most=65535),
            workers=workers,
            log_level=read.choice("LOG_LEVEL", cls.log_level, ("debug", "info", "warning", "error")),
            log_format=read.choice("LOG_FORMAT", cls.log_format, ("text", "json")),
            log_arguments=read.flag("LOG_ARGUMENTS", cls.log_arguments),
            servers_dir=read.names("MCP_SERVERS_DIR", cls.servers_dir, ":"),
            servers=read.names("SERVERS", cls.servers, ","),
            allowed_hosts=read.hosts("MCP_ALLOWED_HOSTS", cls.allowed_hosts),
            stateless=read.flag("MCP_STATELESS", cls.stateless) or workers > 1,
            max_sessions=read.whole("MCP_MAX_SESSIONS", cls.max_sessions, at_least=1),
            session_idle_timeout=read.seconds("MCP_SESSION_IDLE_TIMEOUT", cls.session_idle_timeout),
            retry_interval=read.seconds("MCP_RETRY_INTERVAL", cls.retry_interval),
            events_per_stream=read.whole("MCP_EVENTS_PER_STREAM", cls.events_per_stream, at_least=1),
            events_max_bytes=read.whole("MCP_EVENTS_MAX_BYTES", cls.events_max_bytes, at_least=1024),
            max_body=read.whole("MCP_MAX_BODY", cls.max_body, at_least=1),
            call_timeout=read.seconds("MCP_CALL_TIMEOUT", cls.call_timeout),
            input_timeout=read.seconds("MCP_INPUT_TIMEOUT", cls.input_timeout),
            threads=read.whole("MCP_THREADS", cls.threads, at_least=1),
            max_calls=read.whole("MCP_MAX_CALLS", cls.max_calls, at_least=1),
            shutdown_grace=read.seconds("MCP_SHUTDOWN_GRACE", cls.shutdown_grace),
        )


class _Reader:
    """Starlette's `Config`, with a range for each kind of value and an error that names the setting."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._config = Config(environ=environ)

    def text(self, name: str, default: str) -> str:
        return self._config(name, default=default).strip() or default

    def names(self, name: str, default: tuple[str, ...], separator: str) -> tuple[str, ...]:
        parts = (part.strip() for part in self.text(name, "").split(separator))
        return tuple(part for part in parts if part) or default

    def hosts(self, name: str, default: tuple[str, ...]) -> tuple[str, ...]:
        """A name with a scheme or a port would never match, which nobody would notice but those who are refused."""
        hosts = self.names(name, default, ",")
        for host in hosts:
            if not _HOST.fullmatch(host):
                raise SettingError(f"{name}={host!r}: expected host names without scheme and port, or *")
        return hosts

    def choice(self, name: str, default: str, choices: tuple[str, ...]) -> str:
        value = self.text(name, default).lower()
        if value not in choices:
            raise SettingError(f"{name}={value!r}: expected one of {', '.join(choices)}")
        return value

    def flag(self, name: str, default: bool) -> bool:
        return self.choice(name, "1" if default else "0", ("0", "1", "false", "true", "no", "yes")) in (
            "1",
            "true",
            "yes",
        )

    def whole(self, name: str, default: int, *, at_least: int, at_most: int | None = None) -> int:
        value = self.text(name, str(default))
        limit = f"from {at_least} to {at_most}" if at_most is not None else f"of at least {at_least}"
        if not value.isascii() or not value.isdigit() or not at_least <= int(value) <= (at_most or int(value)):
            raise SettingError(f"{name}={value!r}: expected a whole number {limit}")
        return int(value)

    def seconds(self, name: str, default: float) -> float:
        value = self.text(name, str(default))
        try:
            number = float(value)
        except ValueError:
            number = 0.0
        if not 0 < number < 1e9:
            raise SettingError(f"{name}={value!r}: expected a number of seconds greater than 0")
        return number
