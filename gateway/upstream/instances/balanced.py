"""The link over the links of several instances: it chooses one for each request, and another one if that is safe."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase
from time import monotonic
from typing import Any

from gateway.errors import Unavailable
from gateway.upstream.instances.choice import Choice
from gateway.upstream.instances.homes import Home, Homes
from gateway.upstream.instances.instance import Instance, Request
from gateway.upstream.instances.lease import Lease
from gateway.upstream.instances.speeds import Speeds
from gateway.upstream.link import LEGACY, NOBODY, Ask, Identity, LinkFailure, Origin, Params, Refusal, Report

CALL = "tools/call"
LISTS = frozenset({"tools/list", "prompts/list", "resources/list", "resources/templates/list"})
READS = LISTS | {"prompts/get", "resources/read", "completion/complete"}
"""Methods that change nothing."""

EVERYWHERE = frozenset({"resources/subscribe", "resources/unsubscribe"})
"""Methods that each instance is told."""


class Balanced:
    """`newest` is the instance that was opened last, or has told of a change last: the lists are its own.

    Calls of tools whose name there matches a pattern of `idempotent` may be sent a second time.
    """

    def __init__(
        self,
        instances: Sequence[Instance],
        choice: Choice,
        idempotent: Sequence[str],
        unavailable: Callable[[], Unavailable],
    ) -> None:
        self.newest: Instance | None = None
        self._instances = instances
        self._choice = choice
        self._idempotent = idempotent
        self._unavailable = unavailable
        self._homes = Homes(len(instances))
        self._speeds = Speeds(len(instances))
        self._numbers = {instance: number for number, instance in enumerate(instances)}

    @property
    def identity(self) -> Identity:
        """The words of the newest instance, if it is open."""
        lease = self.newest.lease if self.newest is not None else None
        found = lease or next((instance.lease for instance in self._instances if instance.lease), None)
        return found.identity if found is not None else Identity(LEGACY)

    async def request(
        self, method: str, params: Params, report: Report | None = None, *, session: str = "", origin: Origin = NOBODY
    ) -> dict[str, Any]:
        """Raises Unavailable, too, if there is no instance."""
        if method in EVERYWHERE:
            return await self._told(method, params)
        request = Request(method, params, report, session, origin)
        tried: list[Instance] = []
        failure: LinkFailure | None = None
        while True:
            home = self._homes.of(session) if session else None
            instance = self._chosen(request, home, tried)
            if instance is None or (lease := instance.lease) is None:
                raise self._exhausted(failure)
            if session and lease.identity.has_sessions:
                home = home or self._homes.settle(session, instance)
                home.instance = instance
            try:
                return await self._sent(instance, lease, request, home)
            except LinkFailure as exc:
                before, failure = failure, failure if failure is not None and failure.was_sent else exc
                if not self._may_go_on(exc, before, request, home):
                    raise failure from exc.__cause__
                if not exc.was_sent or home is None:
                    tried.append(instance)

    def leave(self, session: str) -> None:
        """Ends nothing: each link of an instance is told."""

    async def ended(self) -> str:
        """Waits for ever: instances come back."""
        never: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        return await never

    async def close(self) -> None:
        """Ends nothing: the links of the instances belong to their supervisors."""

    def _chosen(self, request: Request, home: Home | None, tried: list[Instance]) -> Instance | None:
        newest, wanted = self.newest, self._homes.asked_by(request.params) if "requestState" in request.params else None
        if wanted is None and home is not None:
            wanted = home.instance
        elif wanted is None and request.method in LISTS and newest is not None and newest.lease is not None:
            wanted = newest if not (request.session and newest.lease.identity.has_sessions) else None
        if wanted is not None and wanted.lease is not None and wanted not in tried:
            return wanted
        return self._choice.least(tried)

    async def _sent(self, instance: Instance, lease: Lease, request: Request, home: Home | None) -> dict[str, Any]:
        if home is not None:
            await home.move_in(lease, request.session, request.origin)
            if lease is not instance.lease:
                raise LinkFailure("it was taken out of use", was_sent=False, is_over=True)
        if request.method == CALL:
            result = await self._timed(instance, lease, request)
        else:
            result = await instance.request(lease, request)
        if home is not None:
            home.note(request.method, request.params)
        if "requestState" in result:
            self._homes.note_state(result, instance)
        return result

    async def _timed(self, instance: Instance, lease: Lease, request: Request) -> dict[str, Any]:
        """Calls a tool, and notes how long that takes, unless somebody was asked meanwhile."""
        began, tool, asked = monotonic(), str(request.params.get("name")), _Asked(request.origin.ask)
        if request.origin.ask is not None:
            request = request._replace(origin=request.origin._replace(ask=asked))
        try:
            result = await instance.request(lease, request)
        except asyncio.CancelledError:  # it would have taken longer
            if not asked.was_asked:
                self._note(instance, tool, monotonic() - began)
            raise
        if not asked.was_asked:
            self._note(instance, tool, monotonic() - began)
        return result

    def _note(self, instance: Instance, tool: str, seconds: float) -> None:
        number = self._numbers[instance]
        reason = self._speeds.note(number, tool, seconds)
        if reason and instance.slow(reason):
            self._speeds.forget(number)

    def _may_go_on(self, exc: LinkFailure, before: LinkFailure | None, request: Request, home: Home | None) -> bool:
        """Returns True if a request that failed may be sent again, after the failure `before` of the same request."""
        if not exc.was_sent:
            is_refused = exc.retry_after is not None and home is None
            return exc.is_fault or exc.is_over or is_refused
        if before is not None and before.was_sent:
            return False
        if request.method != CALL or "requestState" in request.params:
            return request.method in READS
        name = str(request.params.get("name"))
        return any(fnmatchcase(name, pattern) for pattern in self._idempotent)

    def _exhausted(self, failure: LinkFailure | None) -> Exception:
        """Returns the error of a request for which there is no instance left."""
        is_out = all(instance.lease is None for instance in self._instances)
        if failure is None or (is_out and not failure.was_sent) or failure.is_over:
            return self._unavailable()
        return failure

    async def _told(self, method: str, params: Params) -> dict[str, Any]:
        """Sends a request to each instance. It fails if none takes it."""
        leases = [lease for instance in self._instances for lease in instance.leases]
        if not leases:
            raise self._unavailable()
        results = await asyncio.gather(*(lease.request(method, params) for lease in leases), return_exceptions=True)
        found = [result for result in results if not isinstance(result, BaseException)]
        refused = [result for result in results if isinstance(result, LinkFailure | Refusal)]
        if not found:
            raise refused[0] if refused else self._unavailable()
        return found[0]


class _Asked:
    """Asks the client, and notes that it did."""

    def __init__(self, ask: Ask | None) -> None:
        self.was_asked = False
        self._ask = ask

    async def __call__(self, method: str, params: Params) -> dict[str, Any]:
        assert self._ask is not None
        self.was_asked = True
        return await self._ask(method, params)
