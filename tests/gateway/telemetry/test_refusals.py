"""Refused requests are logged once, with the address and the caller if they are known."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator

import pytest

from gateway.caller import Caller, caller
from gateway.telemetry.log import JSONLines, TextLines
from gateway.telemetry.refusals import Refusals
from tests.conftest import MakeApp, server_of
from tests.transport import opened

pytestmark = pytest.mark.anyio


async def echo(text: str) -> str:
    return text


@pytest.fixture(autouse=True)
def _info_level(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "gateway.telemetry.refusals")


@pytest.fixture
def anonymous() -> Iterator[Caller]:
    token = caller.set(Caller(address="192.0.2.7"))
    yield caller.get()
    caller.reset(token)


def lines(caplog: pytest.LogCaptureFixture) -> list[dict[str, object]]:
    found = [json.loads(JSONLines().format(record)) for record in caplog.records]
    return [{key: line[key] for key in line if key not in ("time", "request_id", "logger")} for line in found]


async def test_refusal_is_one_line_and_reaches_each_listener(
    caplog: pytest.LogCaptureFixture, anonymous: Caller
) -> None:
    refusals, reasons = Refusals(), list[str]()
    refusals.listeners += [reasons.append, reasons.append]
    refusals("unauthenticated")
    assert reasons == ["unauthenticated"] * 2
    assert lines(caplog) == [
        {"level": "info", "event": "refused", "reason": "unauthenticated", "address": anonymous.address}
    ]


async def test_forged_caller_name_stays_in_its_line(caplog: pytest.LogCaptureFixture) -> None:
    name = "x\n2026-01-01T00:00:00.000Z info    forged\r\u2028\u0085\x1b[31m"
    token = caller.set(Caller(name=name, address="192.0.2.7"))
    Refusals()("forbidden")
    caller.reset(token)
    assert lines(caplog)[0]["caller"] == name
    text = TextLines().format(caplog.records[0])
    assert text.isprintable()
    assert " forged" not in text.replace(json.dumps(name), "")


@pytest.mark.parametrize(
    ("headers", "reason"),
    [({"host": "evil.com"}, "misdirected"), ({"origin": "https://evil.com"}, "forbidden-origin")],
)
async def test_each_refused_request_is_logged_once_with_its_address(
    make_app: MakeApp, caplog: pytest.LogCaptureFixture, headers: dict[str, str], reason: str
) -> None:
    async with opened(make_app(server_of(echo))) as client:
        await client.get("/health")
        for _ in range(2):
            await client.get("/health", headers=headers)
    refused = [line for line in lines(caplog) if line["event"] == "refused"]
    assert refused == [{"level": "info", "event": "refused", "reason": reason, "address": "127.0.0.1"}] * 2
