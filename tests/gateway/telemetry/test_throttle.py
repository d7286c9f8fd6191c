"""Floods of log lines are cut to some in a second, and the rest are counted."""

from __future__ import annotations

import asyncio
import json
import logging

import pytest

from gateway.call import request_id
from gateway.telemetry.log import JSONLines
from gateway.telemetry.throttle import Throttle

pytestmark = [pytest.mark.slow, pytest.mark.anyio]


async def test_lines_beyond_the_limit_are_counted_in_one_line(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "tests.throttled")
    throttle = Throttle(logging.getLogger("tests.throttled"), "refused", 2)
    ended = asyncio.Event()
    request_id.set("of the request")
    for number in range(1000):
        throttle({"number": number})
    asyncio.get_running_loop().call_later(1.01, ended.set)
    await ended.wait()
    throttle({"number": "next"})
    lines = [json.loads(JSONLines().format(record)) for record in caplog.records]
    assert [line.get("number") for line in lines] == [0, 1, None, "next"]
    assert (lines[2]["event"], lines[2]["count"]) == ("refused, not logged one by one", 998)
