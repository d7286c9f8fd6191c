"""Rows of the matrix of who may do what: every route of the admin API, for every principal."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from starlette.routing import Route

from gateway.errors import LoadError
from routes.router import ServersRouter
from tests.conftest import MakeApp, server_of
from tests.gateway.upstream.conftest import written
from tests.matrix import access
from tests.matrix.credentials import record, write_keys
from tests.routes.admin.conftest import Administered, add, child, saved
from tests.test_closed_routes import METHODS
from tests.transport import opened

pytestmark = pytest.mark.anyio
ROUTES = [
    ("GET", "/admin/servers"),
    ("GET", "/admin/servers/far"),
    ("PUT", "/admin/servers/far"),
    ("DELETE", "/admin/servers/far"),
    *(("POST", f"/admin/servers/far/{verb}") for verb in ("restart", "disable", "enable", "approve")),
    ("GET", "/admin/servers/far/log"),
    ("POST", "/admin/reload"),
    ("GET", "/admin/history"),
    ("POST", "/admin/rollback"),
]


def settings(folder: Path, **entries: Any) -> dict[str, Any]:
    return {"admin": True, "servers_file": written(folder, entries), **access.keys(folder)}


@pytest.mark.slow
async def test_rows_are_all_routes(make_app: MakeApp, tmp_path: Path) -> None:
    router = make_app(server_of(add), **settings(tmp_path)).router
    assert isinstance(router, ServersRouter)
    found = {
        (method, route.path.replace("{name}", "far").rstrip("/"))
        for route in router.routes
        if isinstance(route, Route) and route.path.startswith("/admin")
        for method in route.methods or ()
    }
    assert {(method, path) for method, path in found if method != "HEAD"} == {*ROUTES}


@pytest.mark.parametrize(("method", "url"), ROUTES)
@pytest.mark.slow
async def test_route_is_for_the_scope_admin_alone(
    make_app: MakeApp, tmp_path: Path, method: str, url: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    entry = child()
    async with opened(make_app(server_of(add), **settings(tmp_path, far=entry), servers=("one",))) as http:
        for headers in ({}, {"authorization": "Bearer wrong"}, access.HEADERS["expired"]):
            assert (await http.request(method, url, headers=headers)).status_code == 401
        for name in access.SCOPES.keys() - {"admin", "expired"}:
            answer = await http.request(method, url, headers=access.HEADERS[name])
            assert answer.status_code == 403
            assert answer.json()["scope"] == "admin"
            assert 'scope="admin"' in answer.headers["www-authenticate"]
        refusals = [record for record in caplog.records if record.getMessage() == "admin"]
        assert {record.fields["outcome"] for record in refusals} == {"forbidden"}  # type: ignore[attr-defined]
        assert len(refusals) == len(access.SCOPES) - 2
        assert (await http.request(method, url, headers=access.HEADERS["admin"])).status_code not in (401, 403, 405)


@pytest.mark.parametrize("method", METHODS)
async def test_foreign_page_and_foreign_host_are_refused_on_every_route(
    administered: Administered, method: str, tmp_path: Path
) -> None:
    async with administered({"far": child(disabled=True)}) as http:
        for url in sorted({url for _, url in ROUTES}):
            answer = await http.request(method, url, headers={"origin": "https://evil.example"})
            assert answer.status_code == 403
            assert (await http.request(method, url, headers={"host": "evil.example"})).status_code == 421
        assert saved(tmp_path) == {"far": child(disabled=True)}


@pytest.mark.slow
async def test_admin_patterns_are_not_the_scope_admin(make_app: MakeApp, tmp_path: Path) -> None:
    names = ("admin:*", "*:*", "admin:servers", "Admin", "*")
    keys = [record(access.KEYS["exact"], "exact", names)]
    options = {**settings(tmp_path), **write_keys(tmp_path, *keys)}
    async with opened(make_app(server_of(add), **options)) as http:
        assert (await http.get("/admin/servers", headers=access.HEADERS["exact"])).status_code == 403


def test_api_is_refused_without_authentication_and_without_a_file(make_app: MakeApp, tmp_path: Path) -> None:
    with pytest.raises(LoadError, match="MCP_ADMIN needs authentication"):
        make_app(server_of(add), admin=True, servers_file=written(tmp_path, {}))
    with pytest.raises(LoadError, match="MCP_ADMIN needs MCP_SERVERS_FILE"):
        make_app(server_of(add), admin=True, **access.keys(tmp_path))


async def test_api_is_off_by_default(make_app: MakeApp, tmp_path: Path) -> None:
    options = {**settings(tmp_path), "admin": False}
    async with opened(make_app(server_of(add), **options)) as http:
        for method, url in ROUTES:
            assert (await http.request(method, url, headers=access.HEADERS["admin"])).status_code == 404
