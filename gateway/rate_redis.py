"""The calls of each caller, counted in Redis for all workers and replicas together. Needs `limits` and `redis`."""

from __future__ import annotations

import time
from collections.abc import Callable

from limits.aio.storage import RedisStorage

from gateway.errors import Unavailable
from gateway.shared import Away, Shared

PREFIX = "multi-mcp:rate"
_CLOCK = b"local time = redis.call('TIME')\nlocal now = time[1] + time[2] / 1000000\n"


class RedisWindows(RedisStorage):
    """That of `limits`, with its scripts, but by the clock of Redis: replicas need not agree on the time.

    While Redis is away, calls pass where `is_open`, and are Unavailable where not. Keys expire with their windows.
    """

    def __init__(self, shared: Shared, is_open: bool, clock: Callable[[], float] = time.monotonic) -> None:
        pool = shared.client.connection_pool
        super().__init__("redis://", implementation="redispy", key_prefix=PREFIX, connection_pool=pool)  # type: ignore[arg-type]
        self._shared = shared
        self._is_open = is_open
        self._clock = clock
        acquire, window = self.bridge.SCRIPT_ACQUIRE_MOVING_WINDOW, self.bridge.SCRIPT_MOVING_WINDOW
        self._acquire = shared.client.register_script(_CLOCK + b"ARGV[1] = now\n" + acquire)
        self._window = shared.client.register_script(
            _CLOCK
            + b"ARGV[1] = now - ARGV[1]\nlocal function window()\n"
            + window
            + b"\nend\nlocal found = window()\nif found then return {tostring(now - found[1]), found[2]} end"
        )

    async def acquire_entry(self, key: str, limit: int, expiry: int, amount: int = 1) -> bool:
        keys, arguments = [self.bridge.prefixed_key(key)], [0, limit, expiry, amount]
        try:
            return bool(await self._shared.ask(lambda: self._acquire(keys, arguments)))
        except Away as exc:
            self._pass_or_refuse(exc)
            return True

    async def get_moving_window(self, key: str, limit: int, expiry: int) -> tuple[float, int]:
        keys, arguments = [self.bridge.prefixed_key(key)], [expiry, limit]
        try:
            age, count = await self._shared.ask(lambda: self._window(keys, arguments)) or (0, 0)
        except Away as exc:
            self._pass_or_refuse(exc)
            age, count = 0, 0
        return self._clock() - float(age), int(count)

    def _pass_or_refuse(self, exc: Away) -> None:
        if not self._is_open:
            raise Unavailable("Calls are counted in Redis, which does not answer.") from exc
