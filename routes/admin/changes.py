"""`/admin/reload`, `/admin/history` and `/admin/rollback`: the file of servers as a whole."""

from __future__ import annotations

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import Response

from gateway.admin.changes import Changes
from gateway.admin.servers_file import ServersFile
from routes.admin.requests import allow_only, answered, field


class FileChanges:
    def __init__(self, file: ServersFile, changes: Changes, max_body: int) -> None:
        self._file = file
        self._changes = changes
        self._max_body = max_body

    async def reload(self, request: Request) -> Response:
        allow_only(request)
        return answered({"failed": await self._changes.reload()})

    async def history(self, request: Request) -> Response:
        allow_only(request)
        found = await to_thread.run_sync(self._file.history)
        return answered({"records": [record.shown() for record in reversed(found.records)]})

    async def rollback(self, request: Request) -> Response:
        allow_only(request)
        return answered(await self._changes.rollback(await field(request, self._max_body, "to", int)))
