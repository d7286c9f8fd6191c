"""Changes of servers: each is checked, tried, written to the file, and then served here."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from typing import Any

from anyio import to_thread

from gateway.admin.checks import check_name, check_rules, own_fields, valid
from gateway.admin.descriptions import Descriptions
from gateway.admin.errors import PreconditionFailed, ReadOnly, invalid
from gateway.admin.history import History
from gateway.admin.masks import unmasked
from gateway.admin.precondition import Precondition, etag
from gateway.admin.probe import Probe
from gateway.admin.servers_file import Entries, ServersFile
from gateway.errors import InvalidRequest, LoadError, StartError, Unavailable, UnknownServer, UpstreamError
from gateway.servers.following import Following
from gateway.servers.registry import Registry
from gateway.upstream.admission.rules import Rules
from gateway.upstream.config import Upstream
from gateway.upstream.server import UpstreamServer
from gateway.upstream.servers_file.document import Entry, ServersDocument

Document = dict[str, Any]


class Changes:
    """`rules` are those for entries of the API. Every change raises ReadOnly for servers that it cannot concern."""

    def __init__(
        self,
        file: ServersFile,
        registry: Registry,
        following: Following,
        descriptions: Descriptions,
        *,
        probe: Probe,
        rules: Rules,
    ) -> None:
        self._file = file
        self._registry = registry
        self._following = following
        self._descriptions = descriptions
        self._probe = probe
        self._rules = rules

    async def put(
        self, name: str, body: Entry, when: Precondition, *, is_rehearsal: bool, is_forced: bool
    ) -> tuple[bool, Document]:
        """Sets an entry. Returns True if it is new, and the server once it serves; for a rehearsal, what it found.

        Raises:
            InvalidEntry, PreconditionFailed, ReadOnly
            UpstreamError: it does not open, and was not registered. With `is_forced` it is, and goes on failing.
        """
        check_name(name)
        before = await self._entry(name)
        when.check(name, before)
        when = when.of(before)
        entry = own_fields(unmasked(body, before), before)
        upstream = await self._checked(name, entry)
        await self._write("dry-run", {name: entry}, name, when, is_rehearsal=True)
        found: Document = {}
        if not upstream.disabled and (is_rehearsal or not is_forced):
            found = await self._probe(name, upstream)
        if is_rehearsal:
            return before is None, {"name": name, **found}
        await self._write("put", {name: entry}, name, when)
        return before is None, await self._served(name, entry, is_forced, undo={name: before})

    async def delete(self, name: str, when: Precondition) -> None:
        """Removes an entry. Its server gets no further request, and ends after those in flight."""
        when.check(name, await self._existing(name))
        await self._write("delete", {name: None}, name, when)
        await self._apply(name)

    async def set_disabled(self, name: str, is_disabled: bool, when: Precondition, *, is_forced: bool) -> Document:
        before = await self._existing(name)
        when.check(name, before)
        when = when.of(before)
        entry = {key: value for key, value in before.items() if key != "disabled"}
        entry |= {"disabled": True} if is_disabled else {}
        if not is_disabled:
            upstream = await self._checked(name, entry)
            if not is_forced:
                await self._probe(name, upstream)
        await self._write("disable" if is_disabled else "enable", {name: entry}, name, when)
        return await self._served(name, entry, is_forced or is_disabled, undo={name: before})

    async def restart(self, name: str, when: Precondition) -> Document:
        """Starts a server anew, in every process. The one before goes on until the new one serves."""
        before = await self._existing(name)
        when.check(name, before)
        when = when.of(before)
        if before.get("disabled"):
            raise InvalidRequest(f"Server {name!r} is disabled.")
        entry = {**before, "restarted": datetime.now(UTC).isoformat()}
        await self._checked(name, entry)
        await self._write("restart", {name: entry}, name, when)
        return await self._served(name, entry, False)

    async def reload(self) -> Mapping[str, str]:
        """Serves what the file says now. Returns why servers are not served so, by name."""
        await self._apply(retry=True)
        return dict(self._registry.stale)

    async def rollback(self, to: int) -> Document:
        """Makes the entries that were changed after record `to` what they were then."""
        history = await to_thread.run_sync(self._file.history)
        entries = _undone(history, to)
        for name, entry in entries.items():
            if entry is not None and not entry.get("disabled"):
                await self._checked(name, entry)
        wanted = partial(_undone_now, to=to, last=history.last)
        record = await to_thread.run_sync(self._file.change, f"rollback to {to}", wanted)
        await self._apply(*entries)
        shown = record.shown() if record is not None else {"number": history.last, "changes": []}
        return shown | {"failed": {name: why for name, why in self._registry.stale.items() if name in entries}}

    async def _entry(self, name: str) -> Entry | None:
        """Returns the present entry. Raises ReadOnly for a server that is a file of this process."""
        entries = (await to_thread.run_sync(self._file.read)).entries
        if self._descriptions.is_module(name, entries):
            raise ReadOnly(f"Server {name!r} is a file of MCP_SERVERS_DIR.")
        return entries.get(name)

    async def _existing(self, name: str) -> Entry:
        """Raises UnknownServer, or ReadOnly."""
        entry = await self._entry(name)
        if entry is None:
            raise UnknownServer(name, self._registry.names_used())
        return entry

    async def _checked(self, name: str, entry: Entry) -> Upstream:
        """Returns an entry that may be served. One that the API did not write may have keys that are not known."""
        upstream = valid(name, entry, is_strict=entry.get("source") == "api")
        if upstream.source == "api":
            await check_rules(self._rules, upstream)
        return upstream

    async def _write(
        self, action: str, entries: Entries, name: str, when: Precondition, *, is_rehearsal: bool = False
    ) -> None:
        def wanted(document: ServersDocument, _: History) -> Entries:
            when.check(name, document.entries.get(name))  # once more: another one may have written meanwhile
            return entries

        await to_thread.run_sync(partial(self._file.change, action, wanted, is_rehearsal=is_rehearsal))

    async def _apply(self, *names: str, retry: bool = False) -> None:
        """Serves what the file says now of these entries; with no names, of all."""
        try:
            served_as = (await to_thread.run_sync(self._file.read)).served_as
            await self._following.look_now(*map(served_as, names), retry=retry)
        except LoadError as exc:
            raise Unavailable("MCP_SERVERS_FILE is not valid at the moment; the log has the reason.") from exc

    async def _served(self, name: str, entry: Entry, is_forced: bool, *, undo: Entries | None = None) -> Document:
        """Returns the server once it serves. Raises UpstreamError, after `undo`, if it does not."""
        await self._apply(name)
        document = await to_thread.run_sync(self._file.read)
        failure = "" if is_forced or entry.get("disabled") else await self._failure(document.served_as(name))
        if failure and undo is not None:
            with suppress(PreconditionFailed):  # somebody else has written another one
                await self._write("undo", undo, name, Precondition(etag(entry)))
            await self._apply(name)
        if failure:
            raise UpstreamError(f"The server does not open: {failure}.", was_sent=False)
        return self._descriptions.one(name, document)

    async def _failure(self, name: str) -> str:
        if name in self._registry.stale:
            return self._registry.stale[name]
        server = self._registry.get(name)
        try:
            if isinstance(server, UpstreamServer):
                await server.ready()
        except StartError as exc:
            return str(exc)
        return "" if server is not None else "SERVERS does not name it"


def _undone(history: History, to: int) -> dict[str, dict[str, Any] | None]:
    try:
        return history.undone(to)
    except KeyError as exc:
        raise invalid("to", "there is no such record; GET /admin/history has those that are kept") from exc


def _undone_now(_: ServersDocument, history: History, *, to: int, last: int) -> Entries:
    if history.last != last:
        raise PreconditionFailed("The file was changed meanwhile.")
    return _undone(history, to)
