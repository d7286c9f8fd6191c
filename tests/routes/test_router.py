"""The table of exact paths answers as the routes themselves do."""

from __future__ import annotations

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route

from routes.router import ExactRouter
from tests.transport import BASE, AppTransport

pytestmark = pytest.mark.anyio


async def first(request: Request) -> Response:
    return JSONResponse({"route": "first", "root": request.scope["root_path"]})


async def second(request: Request) -> Response:
    return JSONResponse({"route": "second", **request.path_params})


def make() -> Starlette:
    inner = ExactRouter([Route("/a", first), Route("/a", second), Route("/{name}", second, methods=["POST"])])
    app = Starlette()
    app.router = ExactRouter([Mount("/m", inner), Route("/m/a", second), Route("/", first)])
    return app


async def ask(method: str, path: str, root_path: str = "") -> httpx2.Response:
    app = make()

    async def behind_prefix(scope: object, receive: object, send: object) -> None:
        assert isinstance(scope, dict)
        scope["root_path"] = root_path
        await app(scope, receive, send)  # type: ignore[arg-type]

    async with httpx2.AsyncClient(transport=AppTransport(behind_prefix), base_url=BASE) as client:
        return await client.request(method, path)


async def test_the_first_route_of_a_path_answers() -> None:
    assert (await ask("GET", "/m/a")).json() == {"route": "first", "root": ""}
    assert (await ask("GET", "/")).json() == {"route": "first", "root": ""}


async def test_a_path_with_parameters_and_another_method_take_the_usual_way() -> None:
    assert (await ask("POST", "/m/b")).json() == {"route": "second", "name": "b"}
    assert (await ask("POST", "/m/a")).json() == {"route": "second", "name": "a"}
    assert (await ask("DELETE", "/m/a")).status_code == 405


async def test_behind_a_prefix_the_mounts_take_it_off() -> None:
    assert (await ask("GET", "/prefix/m/a", "/prefix")).json() == {"route": "first", "root": "/prefix/m"}


async def test_nothing_redirects() -> None:
    assert (await ask("GET", "/m/a/")).status_code == 404
    assert (await ask("GET", "/m")).status_code == 404
