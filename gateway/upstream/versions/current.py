"""The backends of a server whose tools have versions, each version run by an upstream of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from mcp.server.context import ServerRequestContext

from gateway.call import ToolCall
from gateway.errors import Unavailable
from gateway.sdk.versions import choose_version, request_of_version, without_version
from gateway.upstream.backend import Backend
from gateway.upstream.config import Upstream
from gateway.upstream.current import Current
from gateway.upstream.instances.keeper import AnyOpening
from gateway.upstream.link import Link, Params
from gateway.upstream.pins.checks import Checks
from gateway.upstream.pool import OWN
from gateway.upstream.starts import Starts
from gateway.upstream.telling import TOOLS_CHANGED, Hooks
from gateway.upstream.tools import UpstreamTool
from gateway.upstream.versions.described import Member
from gateway.upstream.versions.tools import VersionedTools
from gateway.versions.choice import choose
from gateway.versions.routing import Routing

Context = ServerRequestContext[Any, Any]


class Running(NamedTuple):
    """A version, and what its backend is made of."""

    member: Member
    opening: AnyOpening
    pins: Checks | None


class VersionedCurrent:
    """The `Backends` of several versions. `main` is that of the highest which is no pre-release."""

    def __init__(
        self, name: str, share: float, starts: Starts, *, versions: Sequence[Running], routing: Routing
    ) -> None:
        first = main_of([running.member for running in versions])
        self._name = name
        self._versions = versions
        self._of_version: dict[str, Current] = {}
        for member, _, _ in versions:
            own_name = name if member is first else f"{name}@{member.version.text}"
            self._of_version[member.version.text] = Current(own_name, share, starts)
        self.main = self._of_version[first.version.text]
        members = [(running.member, self._of_version[running.member.version.text]) for running in versions]
        self.tools = VersionedTools(name, members, routing)
        self._tasks: set[asyncio.Task[None]] = set()
        self._hooks: Hooks
        self._routed = routing.begin(name, self._version_stopped)

    @property
    def status(self) -> Mapping[str, Any]:
        """That of the first version, from `main` on, that is not failing, and those of all."""
        each = {version: current.status for version, current in self._of_version.items()}
        working = [status for status in (self.main.status, *each.values()) if status["status"] != "failing"]
        shown = {version: {key: of[key] for key in ("status", "reason") if key in of} for version, of in each.items()}
        stopped = {key: value for key, value in self._routed.items() if key != "status"}
        return {**(working[0] if working else self.main.status), "versions": shown, **stopped}

    def describe(self, entry: Upstream, opening: AnyOpening, pins: Checks | None, hooks: Hooks) -> None:
        self._hooks, others = hooks, _tools_alone(hooks)
        for member, own_opening, own_pins in self._versions:
            current = self._of_version[member.version.text]
            current.describe(member.entry, own_opening, own_pins, hooks if current is self.main else others)

    def begin(self) -> None:
        for current in self._of_version.values():
            current.begin()

    def chosen(self, call: ToolCall, ctx: Context) -> Context:
        has_versions = choose_version(call, self.tools.plan, ctx)
        ctx = without_version(ctx)
        if not has_versions or not isinstance(call.entry, UpstreamTool):
            return ctx
        return request_of_version(ctx, call.entry.own_name, call.state)

    async def found(self, call: ToolCall) -> tuple[Backend, UpstreamTool | None]:
        if call.entry is None:
            await self._find(call)
        if call.entry is None:
            return self.main.backend, None
        version = call.entry.version
        return self._of_version[version].backend, self.tools.exact(call.entry.name, version)

    async def listed(self) -> Backend:
        """Waits until the tools of each version are known. Raises Unavailable if that has failed for all."""
        failures = await self._failures()
        if len(failures) == len(self._of_version):
            raise failures[0]
        return self.main.backend

    async def ready(self) -> None:
        for current in self._of_version.values():
            await current.ready()

    def leave(self, session: str) -> None:
        for current in self._of_version.values():
            current.leave(session)

    async def close(self) -> None:
        await asyncio.gather(*(current.close() for current in self._of_version.values()))

    def _version_stopped(self) -> None:
        """Tells the clients that they get another version."""
        told: Any = self._hooks.told(TOOLS_CHANGED, {}, OWN)
        task = asyncio.ensure_future(told)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _find(self, call: ToolCall) -> None:
        """Completes a call that came before the tools of each version were known. Raises GatewayError."""
        if all(current.backend.is_listed for current in self._of_version.values()):
            return
        failures = await self._failures()
        choice = choose(self.tools.find, self._name, call.requested, None, call.state)
        if choice.refusal is not None:
            raise choice.refusal
        if choice.entry is None:
            if failures:
                raise failures[0]
            return
        refusal = call.caller.refusal(self._name, choice.entry.info, call.requested)
        if refusal is not None:  # what was decided about it was decided for an unknown tool
            raise refusal
        assert choice.entry.versions is not None
        choice.entry.versions.check(choice.entry.version)
        call.entry, call.tool, call.state = choice.entry, choice.entry.name, choice.state

    async def _failures(self) -> list[Unavailable]:
        """Waits for the first list of each version. Returns why those failed that did."""

        async def failure(current: Current) -> Unavailable | None:
            try:
                await current.listed()
            except Unavailable as exc:
                return exc
            return None

        found = await asyncio.gather(*map(failure, self._of_version.values()))
        return [exc for exc in found if exc is not None]


def main_of(members: Sequence[Member]) -> Member:
    """Returns the version whose upstream answers what is no tool call. `members` are in order, the highest first."""
    return next((member for member in members if not member.version.pre_release), members[0])


def _tools_alone(hooks: Hooks) -> Hooks:
    """Returns the hooks of a backend whose tools alone are served."""

    def ignore(*_: object) -> None:
        """Takes what the clients get from the other backend."""

    async def told(method: str, params: Params, place: str) -> None:
        if method == TOOLS_CHANGED:
            await hooks.told(method, params, place)

    async def repeat(link: Link, place: str) -> None:
        """Has nothing to repeat."""

    async def move() -> None:
        """Has nothing to move."""

    opened: Any = ignore
    return Hooks(opened, repeat, told, ignore, hooks.changed, move)
