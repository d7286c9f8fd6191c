"""What workers and replicas share: a Redis or Valkey, which may be away for a while. Needs `redis`."""

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
PATIENCE = 0.5
LOOKS = 25
PAUSE = 1.0
AT_ONCE = 16


class Away(Exception):
    """Redis does not answer, or did not a moment ago."""


class Shared:
    """One client of Redis for all that is shared, each answer within half a second.

    After a failure it is left alone for a second, and then one request finds out whether it is back: calls do not wait
    for it one by one. It is said in the log once when it is away, and once when it is back; `listeners` hear of each
    request that it did not answer. At most 16 requests are with it at once, and the others wait for their turn: were
    their connections without a bound, a rush of calls would look as if Redis were away.
    """

    def __init__(self, url: str, clock: Callable[[], float] = time.monotonic) -> None:
        try:
            # Its own limit can lose that a caller was cancelled (asyncio.wait_for before Python 3.12); ours stands.
            self.client: Redis = Redis.from_url(
                url, socket_timeout=None, socket_connect_timeout=10 * PATIENCE, retry=Retry(NoBackoff(), 1)
            )
        except ValueError as exc:
            raise LoadError(f"REDIS_URL: {exc}") from exc
        self.listeners: list[Callable[[], None]] = []
        self._clock = clock
        self._ask_again = 0.0
        self._is_away = False
        self._turns = asyncio.Semaphore(AT_ONCE)

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[None]:
        try:
            yield
        finally:
            await self.client.aclose()

    async def ask(self, request: Callable[[], Awaitable[T]]) -> T:
        """What `request`, a command of `client`, answers.

        Raises:
            Away: nothing, and not asked again for a second.
        """
        async with self._turns:
            now = self._clock()
            if now < self._ask_again:
                self._missed()
                raise Away
            if self._is_away:
                self._ask_again = now + PAUSE
            try:
                answer = await _answered(request)
            except (RedisError, OSError, TimeoutError) as exc:
                self._lost(exc)
                raise Away from exc
            if self._is_away:
                self._found()
            return answer

    def _found(self) -> None:
        self._ask_again, self._is_away = 0.0, False
        logger.warning("Redis answers again")

    def _lost(self, exc: Exception) -> None:
        self._ask_again = self._clock() + PAUSE
        if not self._is_away:
            self._is_away = True
            logger.warning("Redis is away: %s", str(exc) or type(exc).__name__)
        self._missed()

    def _missed(self) -> None:
        for listener in self.listeners:
            listener()


async def _answered(request: Callable[[], Awaitable[T]]) -> T:
    """Its answer within half a second, of which only such time counts as we looked for it: where this process is too
    busy to read an answer that is there, Redis is not away.
    """
    loop = asyncio.get_running_loop()
    looks = LOOKS
    timer: asyncio.TimerHandle

    def look() -> None:
        nonlocal looks, timer
        looks -= 1
        if looks:
            timer = loop.call_later(PATIENCE / LOOKS, look)
        else:
            timeout.reschedule(loop.time())

    async with asyncio.timeout(None) as timeout:
        timer = loop.call_later(PATIENCE / LOOKS, look)
        try:
            return await request()
        finally:
            timer.cancel()
