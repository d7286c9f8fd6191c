"""A capacity limiter that is fair between callers."""

from __future__ import annotations

from anyio import CapacityLimiter, WouldBlock

from gateway.caller import caller


class FairLimiter:
    """`limit` tokens, of which one caller borrows at most `each`. Further calls wait, behind those of
    their caller only.

    Without authentication all clients are one caller, who may borrow every token.
    """

    def __init__(self, limit: int, each: int) -> None:
        self._all = CapacityLimiter(limit)
        self._each = each
        self._limiters: dict[str, CapacityLimiter] = {}
        self._keys: dict[object, str] = {}

    def __len__(self) -> int:
        """Returns the number of callers who hold a token or wait for one: an entry without either is removed."""
        return len(self._limiters)

    @property
    def borrowed_tokens(self) -> int:
        return self._all.borrowed_tokens

    async def acquire_on_behalf_of(self, borrower: object) -> None:
        who = caller.get()
        if who.grants is not None:
            key = who.key
            limiter = self._limiters.setdefault(key, CapacityLimiter(self._each))
            try:
                await _acquire(limiter, borrower)
            finally:
                self._remove_if_unused(key)
            self._keys[borrower] = key
        try:
            await _acquire(self._all, borrower)
        except BaseException:  # a cancellation: the caller waits no more
            self._release_own(borrower)
            raise

    def release_on_behalf_of(self, borrower: object) -> None:
        self._all.release_on_behalf_of(borrower)
        self._release_own(borrower)

    def _release_own(self, borrower: object) -> None:
        key = self._keys.pop(borrower, None)
        if key is not None:
            self._limiters[key].release_on_behalf_of(borrower)
            self._remove_if_unused(key)

    def _remove_if_unused(self, key: str) -> None:
        # A released token goes to the next in the queue at once, so that nobody waits where no token is borrowed.
        if not self._limiters[key].borrowed_tokens:
            del self._limiters[key]


async def _acquire(limiter: CapacityLimiter, borrower: object) -> None:
    """Acquires without a turn of the event loop if a token is free."""
    try:
        limiter.acquire_on_behalf_of_nowait(borrower)
    except WouldBlock:
        await limiter.acquire_on_behalf_of(borrower)
