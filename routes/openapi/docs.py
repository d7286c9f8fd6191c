"""`GET /docs`: a page that shows `/openapi.json` and tries its calls, without a network."""

from __future__ import annotations

from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

FILES = Path(__file__).parent / "swagger"
HEADERS = {
    "Cache-Control": "no-cache",
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def docs() -> list[BaseRoute]:
    return [Route("/docs", page), Mount("/docs", StaticFiles(directory=FILES))]


async def page(request: Request) -> Response:
    return FileResponse(FILES / "index.html", headers=HEADERS)
