"""GraphQL over HTTP, by its draft specification: `POST` with JSON, and `GET` for persisted documents."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.errors import GatewayError, InvalidRequest
from gateway.graphql.documents import Refused
from gateway.graphql.execution import QUERY, SUBSCRIPTION, Emit, Execution
from gateway.graphql.graphs import Graphs
from gateway.servers.names import Names
from routes.errors import document, headers_of, of_refusal, slug_of
from routes.graphql.answers import RESPONSE, answer, media_type, of_problem, refused
from routes.graphql.calls import RequestCalls
from routes.graphql.operation import Run
from routes.graphql.persisted import Persisted
from routes.graphql.request import GraphQLRequest, read, read_query
from routes.graphql.stream import Stream, answers
from routes.json_api.body import read_object
from routes.json_api.disconnect import watches, while_connected
from routes.json_api.tools import cached
from routes.pages.pages import Pages
from routes.scope import IDEMPOTENCY, STREAM

_REPLAYED = {"Idempotency-Replayed": "true"}


@dataclass(frozen=True, slots=True)
class Serves:
    """Everything that requests need. `timeout` is in seconds: after it, no further call of a request begins."""

    graphs: Graphs
    names: Names
    pages: Pages
    persisted: Persisted
    max_body: int
    timeout: float


class GraphQLEndpoint:
    def __init__(self, serves: Serves) -> None:
        self._serves = serves
        self._watches = watches()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if (page := self._serves.pages.open_to_all(scope)) is not None:
            await page(scope, receive, send)
            return
        media = media_type(Headers(scope=scope).get("accept", ""))
        try:
            response: ASGIApp = await self._answered(scope, receive, media)
        except GatewayError as exc:
            problem = of_refusal(exc, None)
            response = answer(of_problem(problem), media, problem["status"], headers_of(exc, scope))
        except HTTPException as exc:
            problem = document(slug_of(exc.status_code), exc.detail)
            response = answer(of_problem(problem), media, exc.status_code, exc.headers)
        await response(scope, receive, send)

    async def _answered(self, scope: Scope, receive: Receive, media: str) -> ASGIApp:
        request = await self._request(scope, receive)
        graph = await self._serves.graphs.of_caller()
        calls = RequestCalls(self._serves.names, scope)
        try:
            execution = await graph.prepare(request.text, request.operation, request.variables)
            _check(execution, scope)
            deadline = asyncio.get_running_loop().time() + self._serves.timeout
            if STREAM.name in scope:
                return Stream(partial(answers, graph, execution, calls, deadline))
            body = await while_connected(receive, graph.execute(execution, calls, deadline), self._watches)
        except Refused as exc:
            return answer(refused(exc.errors), media, 400 if media == RESPONSE else 200)
        return answer(body, media, headers=_REPLAYED if calls.is_repeated else None)

    async def _request(self, scope: Scope, receive: Receive) -> GraphQLRequest:
        if scope["method"] == "POST":
            return read(await read_object(scope, receive, self._serves.max_body), self._serves.persisted)
        parameters = Request(scope).query_params
        if "query" in parameters or not parameters:
            raise HTTPException(405, "GET is for persisted documents; send others by POST.", {"Allow": "POST"})
        return read_query(parameters, self._serves.persisted)

    def operation(self, scope: Scope, payload: Mapping[str, Any]) -> Run:
        """Returns what runs the operation of a message on a WebSocket."""
        return partial(self._run, payload, scope)

    async def _run(self, payload: Mapping[str, Any], scope: Scope, emit: Emit) -> None:
        request = read(payload, self._serves.persisted)
        graph = await self._serves.graphs.of_caller()
        execution = await graph.prepare(request.text, request.operation, request.variables)
        deadline = asyncio.get_running_loop().time() + self._serves.timeout
        await answers(graph, execution, RequestCalls(self._serves.names, scope), deadline, emit)

    async def show_schema(self, request: Request) -> Response:
        """Shows the schema in GraphQL's own language."""
        graph = await self._serves.graphs.of_caller()
        response = await cached(request, (await graph.introspection.text()).encode())
        response.headers["content-type"] = "text/plain; charset=utf-8"
        return response


def _check(execution: Execution, scope: Scope) -> None:
    """Refuses an operation that cannot be answered like this."""
    if execution.kind == SUBSCRIPTION and STREAM.name not in scope:
        raise HTTPException(406, "A subscription needs Accept: text/event-stream.")
    if scope["method"] != "POST" and execution.kind != QUERY:
        raise HTTPException(405, "GET is for queries; send mutations by POST.", {"Allow": "POST"})
    if IDEMPOTENCY.name in scope and (execution.kind == QUERY or len(execution.jobs) != 1):
        raise InvalidRequest("An Idempotency-Key is for a request with one mutation.")
