"""All features that can be made before the servers, wired to each other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from starlette.routing import BaseRoute

from features.asking import Asking, asking
from features.auth import Auth, address, auth
from features.cache import cache
from features.console import Console, console
from features.events import Events, events
from features.feature import Feature, Lifetime
from features.idempotency import idempotency
from features.limits import RateLimits, check_rate_limit, rate_limits
from features.local import Found
from features.proxies import prefix
from features.redis import Redis, redis
from features.telemetry import Metrics, call_log, metrics, tracing, watchdog
from features.versions import versions
from gateway.call import Interceptor
from gateway.sdk.sessions.clients import Clients
from gateway.sdk.sessions.openings import CountOpening
from gateway.servers.registry import Registry
from gateway.telemetry.refusals import Refusals
from routes.pages.pages import Pages
from settings.values import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Features:
    """`app.py` says in which order their parts act."""

    call_log: Feature
    console: Console
    prefix: Feature
    address: Feature
    tracing: Feature
    metrics: Metrics
    auth: Auth
    rate_limits: RateLimits
    idempotency: Feature
    cache: Feature
    versions: Feature
    redis: Redis
    asking: Asking
    events: Events
    watchdog: Feature = field(compare=False)
    pages: Pages = field(compare=False)
    refusals: Refusals = field(compare=False)

    @property
    def recorded(self) -> Sequence[Interceptor]:
        """The record of each call: that of the console is the record for the call log too."""
        return self.console.interceptors or self.call_log.interceptors

    @property
    def openings_count(self) -> CountOpening | None:
        return self.rate_limits.count_opening

    @property
    def clients(self) -> Clients | None:
        return self.console.clients

    @property
    def routes(self) -> list[BaseRoute]:
        return [*self.auth.routes, *self.metrics.routes]

    @property
    def lifetimes(self) -> list[Lifetime]:
        """The parts that open before the servers and close after them. The watchdog opens last."""
        shared = [*self.redis.lifetimes, *self.asking.lifetimes, *self.events.lifetimes, *self.console.lifetimes]
        return [*self.call_log.lifetimes, *shared, *self.tracing.lifetimes, *self.cache.lifetimes]


def all_features(
    settings: Settings, found: Found, registry: Registry, aggregate_sessions: Callable[[], int]
) -> Features:
    """Raises LoadError if a package that a feature needs is missing, or a feature cannot be used."""
    refusals = Refusals()
    check_rate_limit(settings)  # before a missing package is told
    shared = redis(settings, found)
    pages = Pages([settings.metrics])
    told: Any = {"with_versions": found.routing is not None}
    counted = metrics(settings, found.names, registry, aggregate_sessions, refusals, **told)
    logged = call_log(settings, **told)

    def sessions() -> int:
        return sum(server.sessions for server in registry) + aggregate_sessions()

    refusals.listeners.extend(counted.refusal_listeners)
    if shared.client is not None:
        shared.client.listeners.extend(counted.redis_listeners)
    return Features(
        call_log=logged,
        console=console(settings, logged, refusals, shared.client, sessions),
        prefix=prefix(settings),
        address=address(settings),
        tracing=tracing(settings),
        metrics=counted,
        auth=auth(settings, refusals, pages, holds_tokens=found.may_exchange),
        rate_limits=rate_limits(settings, shared.client),
        idempotency=idempotency(settings, shared.client),
        cache=cache(settings, found, shared.client, counted.cache_listeners),
        versions=versions(found.routing),
        redis=shared,
        asking=asking(settings, shared.client),
        events=events(shared.client),
        watchdog=watchdog(counted),
        pages=pages,
        refusals=refusals,
    )
