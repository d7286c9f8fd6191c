"""The console: `MCP_CONSOLE`, `MCP_CONSOLE_ARGUMENTS`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from starlette.middleware import Middleware

from features.asking import inherited
from features.feature import Feature, Lifetime
from features.telemetry import CallLogged
from gateway.call import Interceptor
from gateway.sdk.sessions.clients import Clients
from gateway.telemetry.refusals import Refusals
from settings.exporters import span_exporters
from settings.values import Settings

if TYPE_CHECKING:
    from gateway.console.feed import Feed
    from gateway.console.logins import Logins, Store
    from gateway.console.source import Source
    from gateway.redis import RedisClient


@dataclass(frozen=True, slots=True, kw_only=True)
class Console(Feature):
    """`interceptors` record each call, also for the call log; `inside` acts around its tool alone."""

    inside: Sequence[Interceptor] = ()
    socket_listeners: Sequence[Callable[[int], None]] = ()
    feed: Feed | None = None
    source: Source | None = None
    logins: Logins | None = None
    clients: Clients | None = None


def console(
    settings: Settings, logged: CallLogged, refusals: Refusals, redis: RedisClient | None, sessions: Callable[[], int]
) -> Console:
    """Records each call for the call log too, if that is on: `logged`."""
    if not settings.console:
        return Console()
    from gateway.console.feed import Feed
    from gateway.console.watch import NoteTrace, Watch
    from routes.console.door import Door

    feed = Feed(with_arguments=settings.console_arguments)
    feed.sessions, has_traces = sessions, bool(span_exporters(settings))
    feed.keeps_more = settings.console_arguments or has_traces
    clients = Clients()
    feed.held.append(clients.shown)
    refusals.watchers.append(feed.refused)
    logins = _logins(redis) if settings.auth_keys or settings.auth_issuer else None
    source, lifetimes = _source(feed, settings.workers, redis)
    is_proxied = bool(settings.trusted_proxies)
    return Console(
        interceptors=[Watch(feed, logged.writes)],
        inside=[NoteTrace(_trace)] if has_traces else [],
        middleware=[Middleware(Door, logins=logins, is_proxied=is_proxied, refused=refusals)],
        lifetimes=[feed.opened, *lifetimes],
        socket_listeners=[feed.websockets_changed],
        feed=feed,
        source=source,
        logins=logins,
        clients=clients,
    )


def _source(feed: Feed, workers: int, redis: RedisClient | None) -> tuple[Source, list[Lifetime]]:
    """Returns where pages read from: all that share a Redis, else all workers of one parent, else this process."""
    if redis is not None:
        from gateway.console.replicas import Replicas

        replicas = Replicas(redis, feed)
        return replicas, [replicas.opened]
    own = inherited.get()
    if own is not None and own.folder:
        from gateway.console.workers import Workers

        together = Workers(Path(own.folder), feed, workers)
        return together, [together.opened]
    from gateway.console.source import OwnProcess

    return OwnProcess(feed, workers), []


def _logins(redis: RedisClient | None) -> Logins:
    """Keeps logins where every process of the deployment finds them."""
    from mcp.server.request_state import InvalidRequestState

    from gateway.console.logins import Logins
    from gateway.sdk.request_state import StateKeys

    return Logins(_login_store(redis), lambda key: StateKeys((key,)), InvalidRequestState)


def _login_store(redis: RedisClient | None) -> Store:
    if redis is not None:
        from gateway.console.login_redis import RedisStore

        return RedisStore(redis)
    own = inherited.get()
    if own is not None and own.folder:
        from gateway.console.login_folder import FolderStore

        return FolderStore(Path(own.folder))
    from gateway.console.logins import MemoryStore

    return MemoryStore()


def _trace() -> str:
    from gateway.spans import span

    current = span.get()
    return "" if current is None else f"{current.get_span_context().trace_id:032x}"
