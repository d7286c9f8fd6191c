"""The routes of the admin API. Each needs the scope `admin`, and leaves a line in the log."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.routing import BaseRoute
from starlette.types import Receive, Scope, Send

from gateway.auth.scopes import ADMIN
from gateway.caller import caller
from gateway.errors import Forbidden, GatewayError
from gateway.naming import cut
from gateway.telemetry.refusals import Refused
from routes.admin.changes import FileChanges
from routes.admin.servers import Servers
from routes.router import Handler, both

logger = logging.getLogger(__name__)
_READS = frozenset({"GET", "HEAD"})


def admin_routes(servers: Servers, changes: FileChanges, refused: Refused) -> list[BaseRoute]:
    one = "/admin/servers/{name}"
    posts: Mapping[str, Handler] = {
        f"{one}/restart": servers.restart,
        f"{one}/disable": servers.disable,
        f"{one}/enable": servers.enable,
        f"{one}/approve": servers.approve,
        "/admin/reload": changes.reload,
        "/admin/rollback": changes.rollback,
    }
    found: Mapping[str, Mapping[str, Handler]] = {
        "/admin/servers": {"GET": servers.all},
        one: {"GET": servers.one, "PUT": servers.put, "DELETE": servers.delete},
        f"{one}/log": {"GET": servers.log},
        "/admin/history": {"GET": changes.history},
        **{path: {"POST": handler} for path, handler in posts.items()},
    }
    made = {path: Audited(handlers, refused) for path, handlers in found.items()}
    return [route for path, app in made.items() for route in both(path, app, [*found[path]])]


def console_routes(root: str, servers: Servers, refused: Refused) -> list[BaseRoute]:
    """Returns what a page of the console uses, under its `root`: a browser's login counts nowhere else."""
    all_of_them = both(f"{root}/admin/servers", Audited({"GET": servers.all}, refused), ["GET"])
    verbs: Mapping[str, Handler] = {
        "restart": servers.restart,
        "disable": servers.disable,
        "enable": servers.enable,
    }
    made = [
        route
        for verb, handler in verbs.items()
        for route in both(f"{root}/admin/servers/{{name}}/{verb}", Audited({"POST": handler}, refused), ["POST"])
    ]
    return [*all_of_them, *made]


class Audited:
    """Hands a request of an administrator on by its method. Changes and refusals are logged; the rest is not."""

    def __init__(self, handlers: Mapping[str, Handler], refused: Refused) -> None:
        self._handlers = {**handlers, **({"HEAD": handlers["GET"]} if "GET" in handlers else {})}
        self._refused = refused

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        try:
            self._check()
            response = await self._handlers[scope["method"]](request)
        except (GatewayError, HTTPException) as exc:
            _log(request, getattr(exc, "slug", "") or f"status {getattr(exc, 'status_code', 0)}")
            raise
        response.headers["Cache-Control"] = "no-store"
        if scope["method"] not in _READS:
            _log(request, "ok")
        await response(scope, receive, send)

    def _check(self) -> None:
        """Raises Forbidden unless the caller has the scope `admin` itself."""
        grants = caller.get().grants
        if grants is None or not grants.administers():
            self._refused("forbidden")
            raise Forbidden("", None, ADMIN)


def _log(request: Request, outcome: str) -> None:
    who = caller.get()
    fields = {"method": request.method, "path": cut(request.url.path)}
    fields |= {"dry_run": "1"} if "dryRun" in request.query_params else {}
    fields |= {"outcome": outcome, "caller": who.name or "", "address": who.address}
    logger.info("admin", extra={"fields": fields})
