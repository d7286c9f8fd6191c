"""Changes at servers from a page of the console: the admin API under the console's rules."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.clients import post
from tests.conftest import MakeApp, server_of
from tests.keys import bearer
from tests.matrix.access import HEADERS
from tests.routes.admin.conftest import Administered, administered, child, saved
from tests.routes.console.console import OWN, keys, login
from tests.transport import opened

pytestmark = pytest.mark.anyio
__all__ = ["administered"]
FAR = "/console/admin/servers/far"
ALL = "/console/admin/servers"


async def add(a: int, b: int) -> int:
    return a + b


@pytest.mark.slow
async def test_administrator_disables_enables_and_restarts_a_server(administered: Administered, tmp_path: Path) -> None:
    async with administered({"far": child()}, console=True) as http:
        assert (await http.get("/console/data/me")).json()["may"]["admin"] is True
        cookie = await login(http, HEADERS["admin"]["authorization"].partition(" ")[2])
        del http.headers["authorization"]
        headers = {**OWN, "cookie": cookie}
        (one, far) = sorted((await http.get(ALL, headers=headers)).json()["servers"], key=lambda each: "entry" in each)
        assert ("entry" in one, far["name"], far["state"]) == (False, "far", "ready")
        for verb, state in (("restart", "ready"), ("disable", "disabled"), ("enable", "ready")):
            answer = await http.post(f"{FAR}/{verb}", headers=headers)
            assert (answer.status_code, answer.json()["state"]) == (200, state)
        entry = saved(tmp_path)["far"]
        assert entry.pop("restarted")
        assert entry == child()
        for path in ("/console/admin/servers/one/restart", "/console/admin/servers/none/disable"):
            assert (await http.post(path, headers=headers)).status_code in (404, 409)


@pytest.mark.parametrize("verb", ["restart", "disable", "enable"])
@pytest.mark.slow
async def test_change_from_another_origin_or_without_the_scope_is_refused(
    administered: Administered, tmp_path: Path, verb: str
) -> None:
    async with administered({"far": child()}, console=True) as http:
        cookie = await login(http, HEADERS["admin"]["authorization"].partition(" ")[2])
        elsewhere = (
            {"origin": "http://localhost:9"},
            {"sec-fetch-site": "same-site"},
            {"sec-fetch-site": "cross-site"},
        )
        for headers in ({}, *elsewhere):
            answer = await http.post(f"{FAR}/{verb}", headers={**headers, "cookie": cookie, "authorization": ""})
            assert answer.status_code == 403, headers
            assert (await http.post(f"{FAR}/{verb}", headers={**headers, **HEADERS["tools"]})).status_code == 403
        assert (await http.get(ALL, headers=HEADERS["tools"])).status_code == 403
        assert (await post(http, "add", {"a": 1, "b": 2}, server="far")).json() == {"result": 3}
        assert saved(tmp_path) == {"far": child()}


@pytest.mark.slow
async def test_cookie_of_the_console_changes_nothing_at_the_admin_api(administered: Administered) -> None:
    async with administered({"far": child()}, console=True) as http:
        cookie = await login(http, HEADERS["admin"]["authorization"].partition(" ")[2])
        del http.headers["authorization"]
        answer = await http.post("/admin/servers/far/disable", headers={**OWN, "cookie": cookie})
        assert answer.status_code == 401


async def test_without_the_admin_api_the_console_changes_no_server(make_app: MakeApp, tmp_path: Path) -> None:
    setting, given = keys(tmp_path)
    async with opened(make_app(server_of(add), console=True, **setting)) as http:
        admin = bearer(given["admin"])
        assert (await http.get("/console/data/me", headers=admin)).json()["may"]["admin"] is False
        assert (await http.get(ALL, headers=admin)).status_code == 404
