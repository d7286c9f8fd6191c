"""The application: settings in, Starlette out. `python app.py` serves it; `uvicorn app:app` does too."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Route

from features.feature import Features, Lifetime
from features.turned_on import turned_on
from gateway.aggregate.endpoint import Aggregate
from gateway.call import chain
from gateway.limits.capacity import Capacity
from gateway.limits.timeout import Timeout
from gateway.local.discovery import discover, load
from gateway.local.server import LocalServer
from gateway.sdk.sessions import Limits
from gateway.servers.names import Names
from gateway.servers.registry import Registry
from gateway.telemetry.call_log import CallLog
from gateway.telemetry.record import Record
from gateway.telemetry.refusals import Refusals
from process import serve
from process.shutdown import streams_ended
from routes.errors import exception_handlers
from routes.json_api.call import CallAny
from routes.json_api.health import HealthOfAll
from routes.json_api.index import Index
from routes.json_api.tools import AllTools
from routes.middleware.cors import CORS
from routes.middleware.drain import Drain
from routes.middleware.guard import Guard
from routes.middleware.request_id import RequestId
from routes.middleware.startup import Startup
from routes.mount import mount
from routes.native.endpoint import native
from routes.openapi.docs import docs
from routes.openapi.document import OpenAPIOfAll
from routes.router import ExactRouter
from routes.unknown import Unknown
from settings.values import Settings


def create_app(settings: Settings) -> Starlette:
    """Everything that is served, in the order in which it acts. Raises LoadError where a server cannot be served."""
    refusals = Refusals()
    servers = list(load(discover(settings.servers_dir, settings.servers)))
    features = turned_on(settings, refusals, servers)
    calls = CallLog(sys.stderr, settings.log_format, with_arguments=settings.log_arguments)
    capacity = Capacity(settings.max_calls)
    recorded = [Record(calls)] if settings.log_level in ("debug", "info") else []
    interceptors = chain([*recorded, *features.interceptors, capacity, Timeout(settings.call_timeout), *features.inner])
    limits = Limits(
        threads=settings.threads,
        max_body=settings.max_body,
        stateless=settings.stateless,
        max_sessions=settings.max_sessions,
        session_idle_timeout=settings.session_idle_timeout,
        input_timeout=settings.input_timeout,
    )
    registry = Registry([LocalServer(name, mcp, interceptors, limits, features.access) for name, mcp in servers])
    names = Names(registry, interceptors)
    aggregate = Aggregate(registry, names, limits, features.access)
    features.watch(registry, aggregate)
    ending = partial(
        streams_ended, lambda: [*registry, aggregate, *features.streams], capacity, settings.shutdown_grace
    )
    app = Starlette(middleware=_middleware(settings, refusals, features), exception_handlers=exception_handlers())
    app.router = ExactRouter(
        [
            *(mount(server, names, settings.max_body, settings.stateless) for server in registry),
            *native(aggregate.mcp, settings.stateless),
            Route("/call", CallAny(names, settings.max_body), methods=["POST"]),
            Route("/tools", AllTools(registry, names).list),
            Route("/health", HealthOfAll(registry, aggregate).get),
            Route("/openapi.json", OpenAPIOfAll(registry, names).get),
            *docs(),
            *features.served(registry, names),
            Route("/", Index(registry).get),
            Route("/{server}/{rest:path}", Unknown(registry)),
        ],
        lifespan=partial(_opened, [calls.opened, *features.lifetimes, registry.opened, aggregate.opened, ending]),
    )
    app.state.registry = registry
    return app


@asynccontextmanager
async def _opened(lifetimes: Iterable[Lifetime], app: Starlette) -> AsyncIterator[None]:
    """Each in its turn, and closed in the opposite order."""
    async with AsyncExitStack() as stack:
        for opened in lifetimes:
            await stack.enter_async_context(opened())
        yield


def _middleware(settings: Settings, refusals: Refusals, features: Features) -> list[Middleware]:
    return [
        Middleware(Startup),
        Middleware(RequestId),
        Middleware(Drain),
        Middleware(Guard, hosts=settings.allowed_hosts, refused=refusals),
        Middleware(CORS),
        *features.middleware,
    ]


def __getattr__(name: str) -> Starlette:
    """`app` for `uvicorn app:app`, made when it is asked for: importing this module serves nothing."""
    if name != "app":
        raise AttributeError(name)
    return serve.load_app(create_app)[1]


if __name__ == "__main__":
    serve.main(create_app)
