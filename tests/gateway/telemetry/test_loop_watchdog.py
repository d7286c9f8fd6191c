"""The watchdog of the event loop, in milliseconds instead of seconds. `tests/process/live` has the real process."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Any

import pytest

from gateway.telemetry.loop_watchdog import LoopWatchdog

pytestmark = pytest.mark.anyio
INTERVAL, THRESHOLD = 0.01, 0.03
TOO_LONG = 20.0
Done = Callable[[], Any]


def block(until: Done) -> None:
    """Holds up the loop until something is seen from outside of it."""
    started = time.monotonic()
    while not until():
        time.sleep(INTERVAL)
        assert time.monotonic() < started + TOO_LONG


async def turn(until: Done) -> None:
    async with asyncio.timeout(TOO_LONG):
        while not until():
            await asyncio.sleep(INTERVAL)


def lines(caplog: pytest.LogCaptureFixture, event: str) -> list[dict[str, Any]]:
    return [record.fields for record in caplog.records if record.getMessage() == event]  # type: ignore[attr-defined]


@pytest.mark.slow
async def test_blocked_loop_is_logged_once_with_its_code_and_once_more_at_its_end(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.WARNING)
    lags: list[float] = []
    watchdog = LoopWatchdog(INTERVAL, THRESHOLD, quiet=60)
    watchdog.listeners.append(lags.append)
    async with watchdog.opened():
        await turn(lambda: lags)
        block(lambda: lines(caplog, "Event loop blocked"))
        await turn(lambda: lines(caplog, "Event loop turns again"))
        (line,) = lines(caplog, "Event loop blocked")
        assert "test_loop_watchdog.py:" in line["stack"]
        assert line["stack"].endswith(" block")
        assert "server" not in line
        await turn(lambda: max(lags) >= THRESHOLD)


@pytest.mark.slow
async def test_blocks_soon_after_a_line_are_only_counted(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    watchdog = LoopWatchdog(INTERVAL, THRESHOLD, quiet=0.5)
    async with watchdog.opened():
        block(lambda: lines(caplog, "Event loop blocked"))
        await turn(lambda: lines(caplog, "Event loop turns again"))
        while len(lines(caplog, "Event loop blocked")) == 1:
            time.sleep(3 * THRESHOLD)  # noqa: ASYNC251  # a block that ends by itself
            await asyncio.sleep(3 * INTERVAL)
    line = lines(caplog, "Event loop blocked")[-1]
    assert line["more"]


async def test_loop_that_turns_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    lags: list[float] = []
    watchdog = LoopWatchdog(INTERVAL, threshold=TOO_LONG)
    watchdog.listeners.append(lags.append)
    async with watchdog.opened():
        await turn(lambda: lags)
    assert not [record for record in caplog.records if record.getMessage().startswith("Event loop")]
