"""The error table: requests that cause each error, over one server and over all servers."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from routes.errors import TABLE, exception_handlers, problem
from routes.middleware.request_id import RequestId
from tests.conftest import MakeApp
from tests.routes.raw import ask
from tests.shipped import shipped
from tests.transport import opened

pytestmark = pytest.mark.anyio


def document(slug: str, detail: str, **fields: Any) -> dict[str, Any]:
    """Returns a problem document without its request id."""
    status, title = TABLE[slug]
    return {"type": f"urn:multi-mcp:error:{slug}", "title": title, "status": status, "detail": detail, **fields}


def check(answer: httpx2.Response, expected: dict[str, Any]) -> None:
    found = answer.json()
    assert found.pop("requestId") == answer.headers["x-request-id"]
    assert (answer.status_code, found) == (expected["status"], expected)
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("over_all", [False, True])
@pytest.mark.parametrize(
    ("body", "detail"),
    [
        ({"arguments": {}}, "`tool` is missing."),
        ({"tool": 1}, "`tool` must be a string."),
        ({"tool": None}, "`tool` must be a string."),
        ({"tool": "add", "arguments": [1, 2]}, "`arguments` must be an object."),
        ({"tool": "add", "arguments": 1}, "`arguments` must be an object."),
        ({"tool": "add", "arguments": "[]"}, "The text in `arguments` must be a JSON object, not an array."),
        ({"tool": "add", "requestState": 1}, "`requestState` must be a string."),
        ({"tool": "add", "requestState": "x", "inputResponses": []}, "`inputResponses` must be an object."),
    ],
)
async def test_malformed_call_is_400(
    client: httpx2.AsyncClient, over_all: bool, body: dict[str, Any], detail: str
) -> None:
    answer = await client.post("/call" if over_all else "/math/mcp/call", json=body)
    check(answer, document("invalid-request", detail))


async def test_server_that_is_not_a_string_is_400(client: httpx2.AsyncClient) -> None:
    server: Any
    for server in (1, [], {}, True):
        answer = await client.post("/call", json={"server": server, "tool": "add"})
        check(answer, document("invalid-request", "`server` must be a string."))


async def test_unknown_server_is_404_and_the_nearest_one_is_named(client: httpx2.AsyncClient) -> None:
    answer = await client.post("/call", json={"server": "maths", "tool": "add"})
    check(
        answer,
        document("unknown-server", "There is no server 'maths'. Did you mean 'math'?", server="maths", tool="add"),
    )
    answer = await client.post("/call", json={"server": "zzz", "tool": "add"})
    check(answer, document("unknown-server", "There is no server 'zzz'.", server="zzz", tool="add"))


@pytest.mark.parametrize("url", ["/math/mcp/call", "/call", "/math/mcp/tools/addd_tool"])
async def test_unknown_tool_is_404_and_the_nearest_one_is_named(client: httpx2.AsyncClient, url: str) -> None:
    answer = await client.post(url, json={"server": "math", "tool": "addd_tool"})
    detail = "Server 'math' has no tool 'addd_tool'. Did you mean 'add_tool'?"
    check(answer, document("unknown-tool", detail, server="math", tool="addd_tool"))


async def test_unknown_tool_over_all_servers_is_404(client: httpx2.AsyncClient) -> None:
    answer = await client.post("/call", json={"tool": "math_ad_tool"})
    assert answer.json()["detail"].startswith("There is no tool 'math_ad_tool'. Did you mean 'math_add_tool'")
    assert (answer.status_code, answer.json()["tool"]) == (404, "math_ad_tool")


@pytest.mark.parametrize("url", ["/nothing.html", "/math/nothing", "/math/mcp/nothing", "/call/x", "/%00"])
async def test_unknown_url_is_404(client: httpx2.AsyncClient, url: str) -> None:
    path = url.replace("%00", "\0")
    check(await client.get(url), document("not-found", f"GET {path}: not found."))


@pytest.mark.parametrize("host", [b"[", b"a b", b"\xff"])
async def test_invalid_host_does_not_change_the_error(make_app: MakeApp, host: bytes) -> None:
    app = make_app(servers_dir=(shipped(),), allowed_hosts=("*",))
    assert (await ask(app, "GET", "/nothing", [(b"host", host)])).status == 404


@pytest.mark.parametrize("url", ["/math/mcp/call", "/call", "/math/mcp/tools/add_tool"])
async def test_invalid_arguments_are_422_without_their_values(client: httpx2.AsyncClient, url: str) -> None:
    arguments = {"a": "secret-1", "b": {"secret-2": "secret-3"}}
    body = arguments if "tools/" in url else {"tool": "add_tool", "server": "math", "arguments": arguments}
    answer = await client.post(url, json=body)
    found = answer.json()
    assert (answer.status_code, found["type"]) == (422, "urn:multi-mcp:error:invalid-arguments")
    assert found["detail"] == "The arguments do not match the tool's input schema."
    assert (found["server"], found["tool"]) == ("math", "add_tool")
    assert {error["path"].partition(".")[0] for error in found["errors"]} == {"a", "b"}
    assert all(set(error) == {"path", "reason"} for error in found["errors"])
    assert "secret" not in answer.text


async def test_missing_argument_is_named_by_its_path(client: httpx2.AsyncClient) -> None:
    body = {"tool": "greet_tool", "arguments": {"person": {"age": "old"}}}
    found = (await client.post("/moody/mcp/call", json=body)).json()
    assert [error["path"] for error in found["errors"]] == ["person.name", "person.age"]
    assert found["errors"][0]["reason"] == "Field required"


@pytest.mark.parametrize("url", ["/moody/mcp/call", "/call", "/moody/mcp/tools/refuse_tool"])
async def test_error_reported_by_the_tool_is_422(client: httpx2.AsyncClient, url: str) -> None:
    body = {"reason": "No."} if "tools/" in url else {"tool": "refuse_tool", "arguments": {"reason": "No."}}
    check(await client.post(url, json=body), document("tool-error", "No.", server="moody", tool="refuse_tool"))


@pytest.mark.parametrize("url", ["/moody/mcp/call", "/call", "/moody/mcp/tools/crash_tool"])
async def test_crash_is_500_and_its_text_is_only_logged(
    client: httpx2.AsyncClient, url: str, caplog: pytest.LogCaptureFixture
) -> None:
    body = {"secret": "hidden"} if "tools/" in url else {"tool": "crash_tool", "arguments": {"secret": "hidden"}}
    answer = await client.post(url, json=body)
    assert (answer.status_code, answer.json()["type"]) == (500, "urn:multi-mcp:error:tool-crashed")
    assert answer.json()["requestId"] == answer.headers["x-request-id"]
    assert "hidden" not in answer.text
    assert "RuntimeError: hidden" in caplog.text


@pytest.mark.parametrize("url", ["/moody/mcp/call", "/call", "/moody/mcp/tools/wait_tool"])
@pytest.mark.slow
async def test_call_that_exceeds_the_timeout_is_504(make_app: MakeApp, url: str) -> None:
    app = make_app(servers_dir=("tests/routes/servers",), call_timeout=0.05)
    async with opened(app) as client:
        answer = await client.post(url, json={} if "tools/" in url else {"tool": "wait_tool"})
        assert (answer.status_code, answer.json()["type"]) == (504, "urn:multi-mcp:error:timeout")
        assert answer.json()["detail"] == "The server did not answer within 0.05 seconds."


@pytest.mark.parametrize("slug", TABLE)
async def test_every_error_has_the_same_document_shape(slug: str) -> None:
    answer = await ask(problem(slug, "Because.", {"Retry-After": "1"}, server=None, tool="", errors=[]), "GET", "/")
    assert answer.document == document(slug, "Because.", requestId=answer.document["requestId"])
    assert (answer.status, answer.headers["retry-after"]) == (TABLE[slug][0], "1")


async def test_unhandled_exception_is_500_without_its_text() -> None:
    async def fail(request: Request) -> Response:
        raise ValueError("hidden")

    app = Starlette(
        routes=[Route("/", fail)], middleware=[Middleware(RequestId)], exception_handlers=exception_handlers()
    )
    with pytest.raises(ExceptionGroup) as caught:  # for the server's log
        async with opened(app) as client:
            answer = await client.get("/", headers={"x-request-id": "abc"})
    found = document("internal-error", "The log has the reason under the request id.", requestId="abc")
    assert (answer.status_code, answer.json(), answer.headers["x-request-id"]) == (500, found, "abc")
    assert str(caught.value.exceptions[0]) == "hidden"


async def test_unknown_format_is_an_invalid_request(client: httpx2.AsyncClient) -> None:
    answer = await client.get("/math/mcp/tools", params={"format": "soap"})
    check(
        answer,
        document(
            "invalid-request", "There is no format 'soap'; there are: openai, openai-responses, anthropic, gemini."
        ),
    )
