"""One instance of a server: its link, the requests in flight at it, and why it gets none."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any, Literal, NamedTuple

from gateway.upstream.instances.lease import Lease
from gateway.upstream.instances.standing import Standing
from gateway.upstream.link import Heard, Link, LinkFailure, Opening, Origin, Params, Refusal, Report
from gateway.upstream.states import Patience
from gateway.upstream.supervisor import Supervisor

logger = logging.getLogger(__name__)
LONGEST_PAUSE = 4.0
"""Seconds, and a fifth more by chance, between two attempts to open an instance that is out of use."""

State = Literal["starting", "ready", "slow", "busy", "ejected", "down"]


class Request(NamedTuple):
    """A request of a client, as a link takes it."""

    method: str
    params: Params
    report: Report | None
    session: str
    origin: Origin


class Instance:
    """`lease` is None until the instance is open, and again when it has been given up.

    It is the `Opening` of its supervisor: a lease that is given up is replaced by a new one, which is opened and
    prepared before the instance is used. That is the probe. `drain` is the time for the requests on the old one.
    """

    def __init__(
        self,
        server: str,
        address: str,
        opening: Opening,
        *,
        heard: Heard,
        prepare: Callable[[Link], Awaitable[None]],
        standing: Standing,
        patience: float,
        drain: float,
    ) -> None:
        self.address = address
        self.lease: Lease | None = None
        self.leases: set[Lease] = set()
        self.in_flight = 0
        self.standing = standing
        self._server = server
        self._opening = opening
        self._prepare_link = prepare
        self._drain = drain
        self._retiring: set[asyncio.Task[None]] = set()
        self._over = asyncio.Event()
        self._was_ejected = False
        how = Patience(patience, None, longest_pause=LONGEST_PAUSE, starts_at_once=False)
        what = f"instance {address}"
        self.supervisor = Supervisor(server, self, heard, how, prepare=self._prepare, kind=what)

    async def __call__(self, heard: Heard) -> Lease:
        """Opens the instance. Raises LinkFailure."""
        self._was_ejected = False
        lease = Lease(await self._opening(heard), self._retire)
        self.leases.add(lease)
        return lease

    def close(self) -> None:
        """Ends what the links of the instance shared."""
        self._opening.close()

    async def end(self) -> None:
        """Ends the requests that are left. The supervisor must not run any more."""
        self.supervisor.end()
        self._over.set()
        while self._retiring:
            await asyncio.wait([*self._retiring])

    @property
    def state(self) -> State:
        if self.lease is not None:
            return self.standing.aside or "ready"
        if not self.supervisor.reason:
            return "starting"
        return "ejected" if self._was_ejected else "down"

    @property
    def is_set_aside(self) -> bool:
        """True if it gets no request that could go to another instance."""
        return self.lease is None or bool(self.standing.aside)

    def freed(self) -> None:
        """Notes that the time may be over for which the instance was set aside."""
        if self.standing.is_back():
            self._log(logging.INFO, "is used again", "")

    async def request(self, lease: Lease, request: Request) -> dict[str, Any]:
        """Sends a request of a client. Raises LinkFailure, Refusal, or GatewayError."""
        self.in_flight += 1
        lease.in_flight.count += 1
        try:
            method, params, report, session, origin = request
            result = await lease.link.request(method, params, report, session=session, origin=origin)
        except Refusal:
            self.standing.answered()
            raise
        except LinkFailure as exc:
            self._failed(lease, exc)
            raise
        else:
            self.standing.answered()
            return result
        finally:
            self.in_flight -= 1
            lease.in_flight.leave()

    def slow(self, reason: str) -> bool:
        """Sets the instance aside if that is possible. Returns False if it is not."""
        if self.lease is None or self.standing.aside or not self.standing.slow(reason):
            return False
        self._log(logging.WARNING, "is slow", reason)
        return True

    def _failed(self, lease: Lease, exc: LinkFailure) -> None:
        if lease is not self.lease:  # it was given up meanwhile
            return
        was_busy = self.standing.aside == "busy"
        if reason := self.standing.failed(exc):
            self._was_ejected = not exc.is_refused
            self.standing.answered()
            self.lease = None
            lease.give_up(reason)
        elif exc.retry_after is not None and not was_busy:
            self._log(logging.WARNING, "is busy", str(exc))

    async def _prepare(self, lease: Link) -> None:
        assert isinstance(lease, Lease)
        await self._prepare_link(lease)
        self.lease = lease

    def _retire(self, lease: Lease) -> None:
        """Closes a lease after the requests on it."""
        if lease not in self.leases:
            return
        self.leases.discard(lease)
        if self.lease is lease:
            self.lease = None
        task = asyncio.ensure_future(self._close(lease))
        self._retiring.add(task)
        task.add_done_callback(self._retiring.discard)

    async def _close(self, lease: Lease) -> None:
        waiting = [asyncio.ensure_future(lease.in_flight.drained()), asyncio.ensure_future(self._over.wait())]
        await asyncio.wait(waiting, timeout=self._drain, return_when=asyncio.FIRST_COMPLETED)
        for each in waiting:
            each.cancel()
        await lease.link.close()

    def _log(self, level: int, what: str, reason: str) -> None:
        fields = {"server": self._server, **({"reason": reason} if reason else {})}
        logger.log(level, "instance %s %s", self.address, what, extra={"fields": fields})
