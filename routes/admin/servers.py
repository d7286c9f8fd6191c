"""`/admin/servers`: shows, registers, changes and removes servers that run elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import Response

from gateway.admin.changes import Changes
from gateway.admin.descriptions import Descriptions
from gateway.admin.errors import PreconditionFailed
from gateway.admin.servers_file import ServersFile
from gateway.errors import InvalidRequest, LoadError
from gateway.upstream.pins.approval import approve
from routes.admin.requests import allow_only, answered, body, field, flag, precondition

Lines = Callable[[str], list[str]]
"""Returns the last lines of a server's standard error."""


class Servers:
    def __init__(
        self,
        file: ServersFile,
        changes: Changes,
        descriptions: Descriptions,
        lines: Lines,
        *,
        pins_file: str,
        max_body: int,
    ) -> None:
        self._file = file
        self._changes = changes
        self._descriptions = descriptions
        self._lines = lines
        self._pins_file = pins_file
        self._max_body = max_body

    async def all(self, request: Request) -> Response:
        allow_only(request)
        document = await to_thread.run_sync(self._file.read)
        return answered({"servers": self._descriptions.all(document)})

    async def one(self, request: Request) -> Response:
        allow_only(request)
        return _shown(await self._document(request.path_params["name"]))

    async def put(self, request: Request) -> Response:
        allow_only(request, "dryRun", "force")
        is_rehearsal, is_forced = flag(request, "dryRun"), flag(request, "force")
        when = precondition(request, is_needed=True)
        entry = await body(request, self._max_body)
        name = request.path_params["name"]
        is_new, document = await self._changes.put(name, entry, when, is_rehearsal=is_rehearsal, is_forced=is_forced)
        return _shown(document, 201 if is_new and not is_rehearsal else 200)

    async def delete(self, request: Request) -> Response:
        allow_only(request)
        name = request.path_params["name"]
        await self._changes.delete(name, precondition(request))
        return answered({"name": name, "state": "draining"}, 202)

    async def restart(self, request: Request) -> Response:
        allow_only(request)
        return _shown(await self._changes.restart(request.path_params["name"], precondition(request)))

    async def disable(self, request: Request) -> Response:
        allow_only(request)
        name, when = request.path_params["name"], precondition(request)
        return _shown(await self._changes.set_disabled(name, True, when, is_forced=False))

    async def enable(self, request: Request) -> Response:
        allow_only(request, "force")
        name, when, is_forced = request.path_params["name"], precondition(request), flag(request, "force")
        return _shown(await self._changes.set_disabled(name, False, when, is_forced=is_forced))

    async def approve(self, request: Request) -> Response:
        allow_only(request)
        name, seen = request.path_params["name"], await field(request, self._max_body, "hash", str)
        pins = (await self._document(name)).get("pins", {})
        if not pins.get("pending"):
            raise InvalidRequest(f"No tools of server {name!r} wait to be approved.")
        try:
            count = await to_thread.run_sync(approve, Path(self._pins_file), name, seen)
        except LoadError as exc:
            raise PreconditionFailed("These are not the tools that wait now; nothing was approved.") from exc
        return answered({"name": name, "approved": count})

    async def log(self, request: Request) -> Response:
        allow_only(request)
        name = request.path_params["name"]
        await self._document(name)
        return answered({"name": name, "lines": self._lines(name)})

    async def _document(self, name: str) -> dict[str, Any]:
        """Raises UnknownServer."""
        document = self._descriptions.one(name, await to_thread.run_sync(self._file.read))
        if "pins" in document:
            document["pins"] |= await to_thread.run_sync(self._descriptions.pending, name)
        return document


def _shown(document: dict[str, Any], status: int = 200) -> Response:
    return answered(document, status, {"ETag": document["etag"]} if "etag" in document else {})
