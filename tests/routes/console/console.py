"""An application with the console, its callers, and its event stream as a client reads it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2

from tests.keys import add_key

OWN = {"origin": "http://localhost"}
"""The Origin of the router's own page."""

EVENTS = "/console/data/events"
READ = {
    *(
        f"/console/data/{name}"
        for name in ("tools", "servers", "sessions", "refusals", "settings", "calls/x", "events")
    ),
}
"""The URLs that need `console:read`."""

SCOPES = {
    "reader": ("console:read",),
    "all": ("console:*", "one:*"),
    "admin": ("admin",),
    "tools": ("*:*",),
    "cancel": ("console:cancel",),
    "arguments": ("console:arguments",),
}


def keys(folder: Path) -> tuple[dict[str, Any], dict[str, str]]:
    """Returns the setting of a new key file, and a key for each entry of `SCOPES`."""
    path = folder / "keys.json"
    return {"auth_keys": str(path)}, {name: add_key(path, name, *scopes) for name, scopes in SCOPES.items()}


async def login(http: httpx2.AsyncClient, key: str, headers: Mapping[str, str] = OWN) -> str:
    """Logs in as a browser does, and returns its Cookie header."""
    answer = await http.post("/console/login", headers={**headers, "authorization": f"Bearer {key}"})
    assert answer.status_code == 204, answer.text
    http.cookies.clear()
    return str(answer.headers["set-cookie"].partition(";")[0])


class Feed:
    """The events of an open stream, in their order."""

    def __init__(self, answer: httpx2.Response) -> None:
        self.answer = answer
        self._lines = answer.aiter_lines()

    async def next(self, kind: str | None = None) -> Any:
        """Returns the data of the next event, or of the next one of a kind. Raises EOFError at the end."""
        name = ""
        async for line in self._lines:
            field, _, value = line.partition(": ")
            if field == "event":
                name = value
            elif field == "id":
                self.cursor = value
            elif field == "data" and kind in (None, name):
                return json.loads(value)
        raise EOFError

    async def until(self, kind: str, found: Any) -> Any:
        """Returns the first data of a kind for which `found` returns True."""
        async with asyncio.timeout(10):
            while not found(data := await self.next(kind)):
                pass
        return data


@asynccontextmanager
async def stream(http: httpx2.AsyncClient, headers: Mapping[str, str] = {}) -> AsyncIterator[Feed]:
    async with http.stream("GET", EVENTS, headers=headers) as answer:
        assert answer.status_code == 200
        yield Feed(answer)


async def one(http: httpx2.AsyncClient, request_id: str, headers: Mapping[str, str] = {}) -> dict[str, Any]:
    async with asyncio.timeout(5):
        while not (found := (await http.get(f"/console/data/calls/{request_id}", headers=headers)).json()["calls"]):
            await asyncio.sleep(0.02)
    call: dict[str, Any] = found[0]
    return call
