"""The client of Redis or Valkey that rate limits and the cache share. Needs `redis`."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from gateway.errors import LoadError

T = TypeVar("T")
logger = logging.getLogger(__name__)
RESPONSE_TIMEOUT = 0.5
TIMEOUT_TICKS = 25
CONNECT_TIMEOUT = 5.0
RETRY_INTERVAL = 1.0
MAX_CONCURRENT_REQUESTS = 16


class RedisUnavailable(Exception):
    """Redis does not answer, or failed less than a second ago."""


class RedisClient:
    """One client for all features. Each response must arrive within half a second.

    After a failure no request is sent for a second; then a single request tests the connection, and the others still
    fail at once. The log reports the first failure and the recovery. `listeners` are called for each failed request.

    Raises:
        LoadError: `url` is not a Redis URL.
    """

    def __init__(self, url: str, clock: Callable[[], float] = time.monotonic) -> None:
        try:
            # The client's socket_timeout can swallow a cancellation (asyncio.wait_for before Python 3.12), so `ask`
            # applies its own. The one retry is for connections that the server has closed while they were idle.
            self.client: Redis = Redis.from_url(
                url, socket_timeout=None, socket_connect_timeout=CONNECT_TIMEOUT, retry=Retry(NoBackoff(), 1)
            )
        except ValueError as exc:
            raise LoadError(f"REDIS_URL: {exc}") from exc
        self.listeners: list[Callable[[], None]] = []
        self._clock = clock
        self._next_attempt = 0.0
        self._is_available = True
        # Without a bound, a rush of calls would open so many connections that they time out and Redis looks down.
        self._slots = asyncio.Semaphore(MAX_CONCURRENT_REQUESTS)

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[None]:
        try:
            yield
        finally:
            await self.client.aclose()

    async def ask(self, request: Callable[[], Awaitable[T]]) -> T:
        """Returns the response to `request`, a command of `client`.

        Raises:
            RedisUnavailable: no response in time, or a request failed less than a second ago.
        """
        async with self._slots:
            now = self._clock()
            if now < self._next_attempt:
                self._notify()
                raise RedisUnavailable
            if not self._is_available:
                self._next_attempt = now + RETRY_INTERVAL  # this request tests the connection, the others do not wait
            try:
                response = await _with_timeout(request)
            except (RedisError, OSError, TimeoutError) as exc:
                self._failed(exc)
                raise RedisUnavailable from exc
            if not self._is_available:
                self._next_attempt, self._is_available = 0.0, True
                logger.warning("Redis available again")
            return response

    def _failed(self, exc: Exception) -> None:
        self._next_attempt = self._clock() + RETRY_INTERVAL
        if self._is_available:
            self._is_available = False
            logger.warning("Redis unavailable: %s", str(exc) or type(exc).__name__)
        self._notify()

    def _notify(self) -> None:
        for listener in self.listeners:
            listener()


async def _with_timeout(request: Callable[[], Awaitable[T]]) -> T:
    """Waits up to 0.5 s of event-loop time.

    Time in which the loop was blocked does not count, so a busy process does not report Redis as down.

    Raises:
        TimeoutError: no response in that time.
    """
    loop = asyncio.get_running_loop()
    ticks = TIMEOUT_TICKS
    timer: asyncio.TimerHandle

    def tick() -> None:
        nonlocal ticks, timer
        ticks -= 1
        if ticks:
            timer = loop.call_later(RESPONSE_TIMEOUT / TIMEOUT_TICKS, tick)
        else:
            timeout.reschedule(loop.time())

    # A blocked loop runs one tick late, however long the block; a single timer would expire in it.
    async with asyncio.timeout(None) as timeout:
        timer = loop.call_later(RESPONSE_TIMEOUT / TIMEOUT_TICKS, tick)
        try:
            return await request()
        finally:
            timer.cancel()
