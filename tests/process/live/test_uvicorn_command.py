"""`uvicorn app:app`, whose own defaults must not weaken the router."""

from __future__ import annotations

import json
import time

import pytest

from tests.ports import free_port
from tests.process.live.conftest import WRONG_KEY, Start
from tests.process.live.router import Router

pytestmark = pytest.mark.process


def serve_by_uvicorn(start: Start, *options: str, **settings: str) -> Router:
    port = free_port()
    router = start("-m", "uvicorn", "app:app", "--port", str(port), *options, SERVERS="echo", **settings)
    router.await_answer(port)
    return router


@pytest.mark.parametrize(
    ("options", "settings", "address", "warnings"),
    [
        (["--forwarded-allow-ips", "*", "--workers", "2"], {}, "127.0.0.1", 2),
        (["--no-proxy-headers"], {}, "127.0.0.1", 0),
        ([], {"MCP_TRUSTED_PROXIES": "127.0.0.1"}, "203.0.113.9", 1),
    ],
)
def test_uvicorn_command_believes_only_the_proxies_of_the_setting(
    start: Start, keys: str, options: list[str], settings: dict[str, str], address: str, warnings: int
) -> None:
    router = serve_by_uvicorn(start, *options, MCP_AUTH_KEYS=keys, LOG_FORMAT="json", **settings)
    for _ in range(20):
        with router.sent("GET", "/tools", {**WRONG_KEY, "x-forwarded-for": "203.0.113.9"}) as answer:
            assert answer.status == 401
    deadline = time.monotonic() + 30
    while router.log().count("MCP_TRUSTED_PROXIES") < warnings and time.monotonic() < deadline:
        time.sleep(0.05)  # the other worker may still be starting
    lines = router.log().splitlines()
    events = [json.loads(line) for line in lines if line.startswith("{")]
    assert {event["address"] for event in events if event["event"] == "refused"} == {address}
    assert sum("MCP_TRUSTED_PROXIES" in event["event"] for event in events) == warnings


def test_uvicorn_command_warns_of_an_open_address_too(start: Start) -> None:
    router = serve_by_uvicorn(start, "--host", "0.0.0.0", "--no-proxy-headers")
    (line,) = router.complaints()
    assert f"authentication is off, and everyone who reaches 0.0.0.0:{router.port} can call every tool" in line
