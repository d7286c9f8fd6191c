"""The client of Redis or Valkey that several features share. Needs `redis`."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Literal, TypeVar, get_args

from redis import exceptions
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from gateway.errors import LoadError
from gateway.redis_budget import SECONDS, Budget, budget

T = TypeVar("T")
_Between = Literal["waiting calls", "calls with a key", "change events", "the console"]
Purpose = Literal["rate limits", "cache reads", "cache writes", "the state key", _Between]
"""The kind of a request. Redis may refuse one kind and accept the others: without memory it still reads."""
Trouble = Literal["away", "refused"]
logger = logging.getLogger(__name__)
CONNECT_TIMEOUT, RETRY_INTERVAL = 5.0, 1.0
MAX_CONCURRENT_REQUESTS = 16
SLOW_TICKS = 8
"""A response that takes longer is that of a slow Redis: 40 ms, or 8 turns of a busy loop."""
_LOST = (exceptions.ConnectionError, exceptions.TimeoutError, OSError)
_ANSWERED = (exceptions.AuthenticationError, exceptions.AuthorizationError, exceptions.BusyLoadingError)
"""Errors that the package counts as lost connections, although Redis answered."""


class RedisUnavailable(Exception):
    """Redis does not answer or refuses, or it did less than a second ago."""


class RedisClient:
    """One client for all features. Their keys begin with `prefix`.

    All requests of a call together wait for at most half a second, also for their turn. If Redis does not answer, no
    request is sent for a second; then a single one tests the connection, and the others still fail at once. A refusal
    stops the requests for the same purpose in the same way. The log reports the first failure and the recovery.
    `listeners` are called for each failed request, with the trouble.

    Raises:
        LoadError: `url` is not a Redis URL.
    """

    def __init__(self, url: str, prefix: str, clock: Callable[[], float] = time.monotonic) -> None:
        try:
            # The client's socket_timeout can swallow a cancellation (asyncio.wait_for before Python 3.12), so `ask`
            # applies its own. The one retry is for connections that the server has closed while they were idle.
            self.client: Redis = Redis.from_url(
                url, socket_timeout=None, socket_connect_timeout=CONNECT_TIMEOUT, retry=Retry(NoBackoff(), 1)
            )
        except ValueError as exc:
            raise LoadError(f"REDIS_URL: {exc}") from exc
        self.prefix = f"multi-mcp:{prefix}:"
        self.listeners: list[Callable[[Trouble], None]] = []
        self._clock = clock
        self._connection = _Breaker("Redis unavailable", "Redis available again", clock)
        purposes: tuple[Purpose, ...] = get_args(Purpose)
        self._acceptance = {it: _Breaker(f"Redis refuses {it}", f"Redis accepts {it} again", clock) for it in purposes}
        # Without a bound, a rush of calls would open so many connections that they time out and Redis looks down.
        # The wait for a slot counts only while Redis is slow: by many calls at once nobody must switch off the limits.
        self._is_slow = False
        self._slots = asyncio.Semaphore(MAX_CONCURRENT_REQUESTS)

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[None]:
        logger.info("keys in Redis begin with %s", self.prefix)
        try:
            yield
        finally:
            await self.client.aclose()

    async def ask(self, purpose: Purpose, request: Callable[[], Awaitable[T]]) -> T:
        """Returns the response to `request`, a command of `client`.

        Raises:
            RedisUnavailable: no response in time, a refusal, or either of them less than a second ago.
        """
        own = budget.get() or Budget()
        self._check(purpose, own)
        waiting = _Waiting(own)
        try:
            return await own.spend(
                partial(self._send, purpose, request, waiting), lambda: waiting.has_turn or self._is_slow
            )
        except TimeoutError as exc:  # in the queue, too: that of a slow Redis is as bad as no answer
            self._connection.fail(f"no response within {SECONDS:g} seconds")
            raise self._unavailable("away") from exc

    async def _send(self, purpose: Purpose, request: Callable[[], Awaitable[T]], waiting: _Waiting) -> T:
        async with self._slots:
            waiting.begin(is_free=not self._is_slow)
            self._check(purpose, waiting.budget)
            try:
                return await self._send_now(purpose, request)
            finally:
                self._is_slow = waiting.is_long()

    async def _send_now(self, purpose: Purpose, request: Callable[[], Awaitable[T]]) -> T:
        connection, acceptance = self._connection, self._acceptance[purpose]
        tests_connection, tests_acceptance = connection.begin(), acceptance.begin()
        try:
            response = await request()
        except (exceptions.RedisError, OSError) as exc:
            if _is_lost(exc):
                connection.fail(_reason(exc))
                raise self._unavailable("away") from exc
            if tests_connection:
                connection.recover()
            acceptance.fail(_reason(exc))
            raise self._unavailable("refused") from exc
        if tests_connection:
            connection.recover()
        if tests_acceptance:
            acceptance.recover()
        return response

    def _check(self, purpose: Purpose, own: Budget) -> None:
        if own.ticks <= 0 or self._connection.blocks():
            raise self._unavailable("away")
        if self._acceptance[purpose].blocks():
            raise self._unavailable("refused")

    def _unavailable(self, trouble: Trouble) -> RedisUnavailable:
        """Returns the error to raise, after the listeners have been called."""
        for listener in self.listeners:
            listener(trouble)
        return RedisUnavailable(trouble)


class _Waiting:
    """One request's wait: first for its turn, then for the response."""

    def __init__(self, budget: Budget) -> None:
        self.budget = budget
        self.has_turn = False
        self._ticks = budget.ticks

    def begin(self, is_free: bool) -> None:
        """Begins the wait for the response. The wait for the turn costs nothing if `is_free`."""
        self.has_turn = True
        if is_free:
            self.budget.ticks = self._ticks
        self._ticks = self.budget.ticks

    def is_long(self) -> bool:
        """Returns True if the response was slow by the loop's turns, and not only because the process is busy."""
        return self._ticks - self.budget.ticks >= SLOW_TICKS


class _Breaker:
    """Blocks requests for a second after a failure; then each second one may test. Logs the first failure."""

    def __init__(self, failure: str, recovery: str, clock: Callable[[], float]) -> None:
        self._failure = failure
        self._recovery = recovery
        self._clock = clock
        self._works = True
        self._next_test = 0.0

    def blocks(self) -> bool:
        return not self._works and self._clock() < self._next_test

    def begin(self) -> bool:
        """Returns True if this request is the test, so that its success is the recovery."""
        if self._works:
            return False
        self._next_test = self._clock() + RETRY_INTERVAL
        return True

    def fail(self, reason: str) -> None:
        self._next_test = self._clock() + RETRY_INTERVAL
        if self._works:
            self._works = False
            logger.warning("%s: %s", self._failure, reason)

    def recover(self) -> None:
        self._works = True
        logger.warning("%s", self._recovery)


def _is_lost(exc: Exception) -> bool:
    """Returns True if Redis did not answer. Some answers are errors of the connection by their type alone."""
    if isinstance(exc, _ANSWERED) or "max number of clients" in str(exc):
        return False
    return isinstance(exc, _LOST)


def _reason(exc: Exception) -> str:
    return str(exc) or type(exc).__name__
