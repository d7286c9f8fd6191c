"""Bodies in arrival: the share of one principal, on every URL that takes a body."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from starlette.types import Message, Receive, Scope, Send

from gateway.auth.scopes import Scopes
from gateway.caller import Caller, caller
from gateway.errors import ShareExceeded, Unavailable
from gateway.places import Places
from routes.json_api.body import read_body
from routes.middleware.bodies import KIND, Bodies

pytestmark = pytest.mark.anyio
ADA, BOB = (Caller(name, grants=Scopes(())) for name in ("ada", "bob"))


class Upload:
    """One request, whose parts the test sends one by one. `body` is set when the application has all of it."""

    def __init__(self, places: Places, who: Caller, method: str = "POST") -> None:
        self._parts: asyncio.Queue[Message] = asyncio.Queue()
        self.body = b""
        self.task = asyncio.create_task(self._run(Bodies(self._read, places), who, method))

    async def _run(self, app: Bodies, who: Caller, method: str) -> None:
        async def send(message: Message) -> None:
            """Is never called."""

        caller.set(who)
        await app({"type": "http", "method": method, "headers": []}, self._parts.get, send)

    async def _read(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.body = await read_body(receive, 1000)
        await receive()  # until the client leaves

    async def part(self, size: int, more: bool = True) -> None:
        self._parts.put_nowait({"type": "http.request", "body": b"x" * size, "more_body": more})
        await settled()

    async def leave(self) -> None:
        self._parts.put_nowait({"type": "http.disconnect"})
        await asyncio.wait([self.task])


async def settled() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_principal_beyond_its_share_of_the_bytes_is_refused_and_others_upload() -> None:
    places = Places(100, 50, KIND)
    first, second, other = Upload(places, ADA), Upload(places, ADA), Upload(places, BOB)
    for upload, size in ((first, 30), (second, 20), (second, 1), (other, 50)):
        await upload.part(size)
    with pytest.raises(ShareExceeded, match="one caller may have 50 of 100"):
        await second.task
    assert places.taken == 80
    await first.part(20)
    await first.part(7, more=False)
    assert (len(first.body), places.taken) == (57, 50)  # it is complete, and in arrival no more
    for upload in (first, other):
        await upload.leave()
    assert (places.taken, len(places)) == (0, 0)


async def test_all_bodies_together_are_bounded() -> None:
    places = Places(60, 50, KIND)
    first, second = Upload(places, ADA), Upload(places, BOB)
    await first.part(50)
    await second.part(20)
    with pytest.raises(Unavailable):
        await second.task
    await first.leave()
    assert places.taken == 0


@pytest.mark.parametrize("end", ["disconnect", "cancel", "too large"])
async def test_body_that_never_completes_is_forgotten(end: str) -> None:
    places = Places(5000, 5000, KIND)
    upload = Upload(places, ADA)
    await upload.part(40)
    assert places.taken == 40
    if end == "disconnect":
        await upload.leave()
    elif end == "cancel":
        upload.task.cancel()
    else:
        await upload.part(2000)
    await asyncio.wait([upload.task])
    assert (places.taken, len(places)) == (0, 0)


async def test_body_in_one_part_and_empty_parts_are_not_counted() -> None:
    places = Places(10, 1, KIND)
    upload = Upload(places, ADA)
    await upload.part(0)
    await upload.part(500, more=False)
    assert (len(upload.body), places.taken, len(places)) == (500, 0, 0)
    await upload.leave()


async def test_other_requests_pass_by() -> None:
    passed: list[Any] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        passed.append(receive)

    async def receive() -> Message:
        return {}

    async def send(message: Message) -> None:
        """Is never called."""

    small = {"type": "http", "method": "POST", "headers": [(b"accept", b"*/*"), (b"content-length", b"9999")]}
    for scope in (small, {"type": "http", "method": "GET"}, {"type": "websocket"}, {"type": "lifespan"}):
        await Bodies(app, Places(1, 1, KIND))(scope, receive, send)
    assert passed == [receive] * 4
