"""The application: settings in, Starlette out. `python app.py` serves it; `uvicorn app:app` does too."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import fields
from functools import partial

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Route

import serve
from call_log import CallLog
from features import turned_on
from gateway.aggregate import Aggregate
from gateway.call import chain
from gateway.capacity import Capacity
from gateway.discovery import discover, load
from gateway.local import LocalServer
from gateway.names import Names
from gateway.record import Record
from gateway.refusals import Refusals
from gateway.registry import Registry
from gateway.sessions import Limits
from gateway.timeout import Timeout
from optional import Lifetime
from routes.call import CallAny
from routes.cors import CORS
from routes.docs import docs
from routes.drain import Drain
from routes.errors import exception_handlers
from routes.guard import Guard
from routes.health import HealthOfAll
from routes.index import Index
from routes.mount import mount
from routes.native import native
from routes.openapi import OpenAPIOfAll
from routes.request_id import RequestId
from routes.router import ExactRouter
from routes.startup import Startup
from routes.tools import AllTools
from routes.unknown import Unknown
from settings import Settings
from shutdown import streams_ended


def create_app(settings: Settings) -> Starlette:
    """Everything that is served, in the order in which it acts. Raises LoadError where a server cannot be served."""
    refusals = Refusals()
    servers = list(load(discover(settings.servers_dir, settings.servers)))
    features = turned_on(settings, refusals, servers)
    calls = CallLog(sys.stderr, settings.log_format, with_arguments=settings.log_arguments)
    capacity = Capacity(settings.max_calls)
    recorded = [Record(calls)] if settings.log_level in ("debug", "info") else []
    interceptors = chain([*recorded, *features.interceptors, capacity, Timeout(settings.call_timeout), *features.inner])
    limits = _limits(settings)
    registry = Registry([LocalServer(name, mcp, interceptors, limits, features.access) for name, mcp in servers])
    names = Names(registry, interceptors)
    aggregate = Aggregate(registry, names, limits, features.access)
    features.watch(registry, aggregate)
    ending = partial(streams_ended, [*registry, aggregate, *features.streams], capacity, settings.shutdown_grace)
    lifetimes: list[Lifetime] = [calls.opened, *features.lifetimes, registry.opened, aggregate.opened, ending]
    middleware = [*_middleware(settings, refusals), *features.middleware]
    app = Starlette(middleware=middleware, exception_handlers=exception_handlers())
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
        lifespan=partial(_opened, lifetimes),
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


def _middleware(settings: Settings, refusals: Refusals) -> list[Middleware]:
    return [
        Middleware(Startup),
        Middleware(RequestId),
        Middleware(Drain),
        Middleware(Guard, hosts=settings.allowed_hosts, refused=refusals),
        Middleware(CORS),
    ]


def _limits(settings: Settings) -> Limits:
    """Those of a server have the names of their settings."""
    names = {field.name for field in fields(Limits)}
    return Limits(**{name: value for name, value in vars(settings).items() if name in names})


def __getattr__(name: str) -> Starlette:
    """`app` for `uvicorn app:app`, made when it is asked for: importing this module serves nothing."""
    if name != "app":
        raise AttributeError(name)
    return serve.make(create_app)[1]


if __name__ == "__main__":
    serve.main(create_app)
