"""The alternatives: the same tools behind minimal code, typical code and the SDK alone.

Each function returns one application; `uvicorn --factory benchmarks.controls:NAME` serves it.
"""

from collections.abc import Awaitable, Callable

from fastapi import FastAPI
from mcp_types import CallToolResult
from pydantic import BaseModel
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from benchmarks.servers import bench_server
from benchmarks.servers.bench_server import mcp
from gateway.sdk.sessions.events import EventLimits, Events

FUNCTIONS: dict[str, Callable[..., Awaitable[object]]] = {"add": bench_server.add, "echo": bench_server.echo}


def raw() -> ASGIApp:
    """Plain ASGI: reads the body and answers with a constant."""
    headers = [(b"content-type", b"application/json"), (b"content-length", b"13")]

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        while (await receive()).get("more_body"):
            pass
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b'{"result":42}'})

    return app


def starlette() -> Starlette:
    """A hand-written endpoint without validation, schemas or MCP."""

    async def call(request: Request) -> Response:
        body = await request.json()
        return JSONResponse({"result": await FUNCTIONS[body["tool"]](**body["arguments"])})

    return Starlette(routes=[Route("/call", call, methods=["POST"])])


class Arguments(BaseModel):
    a: int
    b: int


class Call(BaseModel):
    tool: str
    arguments: Arguments


class Answer(BaseModel):
    result: int


def fastapi() -> FastAPI:
    """Typed endpoints in the style of the FastAPI tutorial."""

    async def call(body: Call) -> Answer:
        return Answer(result=await bench_server.add(body.arguments.a, body.arguments.b))

    def call_sync(body: Call) -> Answer:
        return Answer(result=bench_server.add_sync(body.arguments.a, body.arguments.b))

    app = FastAPI()
    app.add_api_route("/call", call, methods=["POST"])
    app.add_api_route("/call_sync", call_sync, methods=["POST"])
    return app


def naive() -> Starlette:
    """The SDK's public `call_tool` behind a Starlette endpoint."""

    async def call(request: Request) -> Response:
        body = await request.json()
        result = await mcp.call_tool(body["tool"], body["arguments"])
        assert isinstance(result, CallToolResult)
        return JSONResponse(result.structured_content)

    return Starlette(routes=[Route("/call", call, methods=["POST"])])


def sdk() -> Starlette:
    """The SDK's own Streamable HTTP application, unchanged."""
    return mcp.streamable_http_app()


def upstream() -> Starlette:
    """The SDK's application again, as the server behind the router and other proxies."""
    return mcp.streamable_http_app()


def sdk_events() -> Starlette:
    """The SDK's application with our event store, so that a client can resume a stream, as with the router."""
    return mcp.streamable_http_app(event_store=Events(EventLimits()).new_store(), retry_interval=1000)
