"""The id of a request: taken from its headers or created, and returned in the answer."""

from __future__ import annotations

import httpx2
import pytest

from tests import wire

pytestmark = pytest.mark.anyio

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
TRACEPARENT = f"00-{TRACE}-00f067aa0ba902b7-01"


@pytest.mark.parametrize("url", ["/", "/health", "/math/mcp/tools", "/nothing", "/math/mcp", "/mcp"])
@pytest.mark.parametrize("given", ["abc", "a" * 128, "550e8400-e29b-41d4-a716-446655440000", "a/b+c=:;,.{}~"])
async def test_valid_id_of_the_request_is_returned(client: httpx2.AsyncClient, url: str, given: str) -> None:
    answer = await client.get(url, headers={"x-request-id": given})
    assert answer.headers.get_list("x-request-id") == [given]


async def test_error_names_the_id_of_the_request(client: httpx2.AsyncClient) -> None:
    assert (await client.get("/nothing", headers={"x-request-id": "abc"})).json()["requestId"] == "abc"
    assert (await client.get("/nothing", headers={"traceparent": TRACEPARENT})).json()["requestId"] == TRACE


@pytest.mark.parametrize("given", ["", " ", "a b", "a" * 129, "a\tb", 'a"b', "ä", "a\x7f", "a\\b"])
async def test_id_that_is_unsafe_in_a_log_is_replaced(client: httpx2.AsyncClient, given: str) -> None:
    headers = [(b"x-request-id", given.encode())]
    answer = await client.get("/health", headers=headers)
    assert answer.headers["x-request-id"] not in ("", given)


async def test_each_request_without_an_id_gets_a_unique_one(client: httpx2.AsyncClient) -> None:
    ids = {(await client.get("/health")).headers["x-request-id"] for _ in range(20)}
    assert len(ids) == 20


async def test_trace_id_becomes_the_request_id(client: httpx2.AsyncClient) -> None:
    answer = await client.get("/health", headers={"traceparent": TRACEPARENT})
    assert (answer.headers["traceparent"], answer.headers["x-request-id"]) == (TRACEPARENT, TRACE)


async def test_request_id_takes_precedence_over_a_trace(client: httpx2.AsyncClient) -> None:
    answer = await client.get("/health", headers={"traceparent": TRACEPARENT, "x-request-id": "abc"})
    assert (answer.headers["traceparent"], answer.headers["x-request-id"]) == (TRACEPARENT, "abc")


@pytest.mark.parametrize(
    "given",
    ["", "00", TRACEPARENT.upper(), f"{TRACEPARENT}-x", TRACEPARENT.replace("-", "_"), f"00-{TRACE}-00f067aa0ba902b7"],
)
async def test_malformed_traceparent_is_ignored(client: httpx2.AsyncClient, given: str) -> None:
    answer = await client.get("/health", headers={"traceparent": given})
    assert "traceparent" not in answer.headers
    assert TRACE not in answer.headers["x-request-id"]


@pytest.mark.parametrize("given", [f"ff-{TRACE}-00f067aa0ba902b7-01", f"00-{'0' * 32}-00f067aa0ba902b7-01"])
async def test_traceparent_that_the_standard_forbids_is_ignored(client: httpx2.AsyncClient, given: str) -> None:
    assert "traceparent" not in (await client.get("/health", headers={"traceparent": given})).headers


async def test_native_stream_has_the_request_id(client: httpx2.AsyncClient) -> None:
    headers = {**wire.BOTH_TYPES, "x-request-id": "abc"}
    answer = await client.post("/math/mcp", json=wire.INITIALIZE, headers=headers)
    assert answer.headers["x-request-id"] == "abc"
