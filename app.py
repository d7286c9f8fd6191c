"""The application: settings in, Starlette out. `python app.py` serves it; `uvicorn app:app` does too."""

from __future__ import annotations

from functools import partial

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import BaseRoute, Route

from features.all import Features, all_features
from features.feature import Lifetime
from features.limits import server_limits, time_limit
from features.local import find_servers, hold_servers
from features.surfaces.all import surfaces
from features.surfaces.reach import Reach
from gateway.aggregate.endpoint import Aggregate
from gateway.call import Interceptor
from gateway.limits.capacity import Capacity
from gateway.servers.names import Names
from gateway.servers.registry import Registry
from process import address, serve
from process.lifespan import lifespan
from process.shutdown import drained
from routes.errors import exception_handlers
from routes.json_api import call, health, index, tasks, tools
from routes.middleware import always, probes
from routes.native.endpoint import native, native_of_server
from routes.openapi.document import OpenAPI, OpenAPIOfAll
from routes.router import Methods, ServersRouter, both
from settings.values import Settings


def create_app(settings: Settings) -> Starlette:
    """Returns the application. Raises LoadError if a server or a feature cannot be used."""
    found, registry = find_servers(settings), Registry()
    capacity, ready = Capacity(settings.max_calls, settings.max_share), probes.Readiness(registry)
    features = all_features(settings, found, registry, lambda: aggregate.sessions)
    interceptors = _interceptors(settings, features, capacity)
    names, limits = Names(registry, interceptors), server_limits(settings, features.openings_count, features.clients)
    states, exchange, access = features.asking.states, features.events.exchange, features.auth.access
    begun = hold_servers(found, registry, interceptors, limits, access, states=states, exchange=exchange)
    aggregate = Aggregate(registry, names, limits, access, settings.list_timeout, exchange=exchange)
    surface, lists = surfaces(Reach(settings, features, registry, names, begun)), tools.ToolLists(registry, names)
    end = partial(drained, lambda: [*registry, aggregate, *surface.streams], capacity, ready, settings.shutdown_grace)
    parts: list[Lifetime] = [*features.lifetimes, registry.opened, *begun.lifetimes, aggregate.opened]
    parts += [*surface.lifetimes, *features.idempotency.lifetimes, end, *features.watchdog.lifetimes]
    app = Starlette(middleware=_in_front(settings, features, ready), exception_handlers=exception_handlers())
    routes: list[BaseRoute] = [
        *native(aggregate.app, settings.stateless),
        *both("/call", call.CallAny(names, settings.max_body), ["POST"]),
        *both("/tools", lists.of_all),
        *both("/health", health.HealthOfAll(registry, aggregate).get),
        Route("/openapi.json", OpenAPIOfAll(registry, names).get),
        *features.pages.routes(),
        *features.routes,
        *surface.routes,
        *index.Index(registry, features.pages).routes(),
    ]
    of_server = [*_server_routes(settings, registry, names, lists), *surface.server_routes, tasks.route()]
    app.router = ServersRouter(registry, of_server, routes, lifespan=lifespan(parts, bool(access)))
    app.state.registry = registry
    return app


def _interceptors(settings: Settings, features: Features, capacity: Capacity) -> list[Interceptor]:
    """Returns what acts around every call, the outermost first."""
    return [
        *features.recorded,
        *features.tracing.interceptors,
        *features.metrics.interceptors,
        *features.auth.interceptors,
        *features.redis.interceptors,
        *features.rate_limits.interceptors,
        *features.versions.interceptors,
        *features.idempotency.interceptors,  # outside of the limits, which bound a call whose client has left
        time_limit(settings),
        capacity,  # inside of the time limit: a call counts until its tool has ended
        *features.cache.interceptors,
        *features.console.inside,
    ]


def _in_front(settings: Settings, features: Features, ready: probes.Readiness) -> list[Middleware]:
    """Returns what stands in front of every request, the outermost first."""
    return [
        *features.prefix.middleware,
        *always.in_front(ready, address.allowed_hosts(settings), settings.allowed_origins, features.refusals),
        *features.address.middleware,
        *features.tracing.middleware,
        *features.metrics.middleware,
        *features.console.middleware,
        *features.auth.middleware,
        *features.cache.middleware,
        *features.versions.middleware,
    ]


def _server_routes(settings: Settings, registry: Registry, names: Names, lists: tools.ToolLists) -> list[BaseRoute]:
    """Returns what stands under `/{server}`."""
    return [
        *native_of_server(settings.stateless),
        *both("/mcp/call", call.Call(settings.max_body), ["POST"]),
        *both("/mcp/tools", lists.of_server),
        Methods(get=tools.show_tool, post=call.CallTool(settings.max_body)).at("/mcp/tools/{tool:path}"),
        *both("/mcp/health", health.HealthOfServer(registry).get),
        Route("/openapi.json", OpenAPI(names).get),
    ]


def __getattr__(name: str) -> object:
    """Makes `app` for `uvicorn app:app` when it is asked for: importing this module serves nothing."""
    if name != "app":
        raise AttributeError(name)
    return serve.app_for_uvicorn(create_app)


if __name__ == "__main__":
    serve.main(create_app)
