"""The resources that are watched at a server of the stateless era: one stream of a link, with all of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from gateway.upstream.http.listening import keep_listening
from gateway.upstream.link import LISTEN, Link


@dataclass(eq=False, slots=True)
class _Stream:
    uris: Collection[str]
    task: asyncio.Future[None] = field(init=False)
    was_open: bool = False
    is_opening: bool = True


class Listening:
    """The stream at one place. It ends with its link."""

    def __init__(self) -> None:
        self._stream: _Stream | None = None
        self._before: _Stream | None = None

    def watch(self, link: Link, uris: Collection[str]) -> None:
        """Hears from now on of changes of exactly these resources.

        The stream before goes on until the new one is acknowledged, so that nothing is missed.
        """
        self._end_before()
        self._before, self._stream = self._stream, None
        if uris:
            self._stream = _Stream(uris)
            self._stream.task = asyncio.ensure_future(_listen(link, self._stream))
        else:
            self._end_before()

    def acknowledged(self) -> Collection[str]:
        """Takes the acknowledgement of the stream. Returns its resources if it was open before: it has had a gap."""
        stream = self._stream
        if stream is None or not stream.is_opening:
            return ()
        self._end_before()
        missed = stream.uris if stream.was_open else ()
        stream.was_open, stream.is_opening = True, False
        return missed

    def _end_before(self) -> None:
        if self._before is not None:
            self._before.task.cancel()
            self._before = None


async def _listen(link: Link, stream: _Stream) -> None:
    async def listen(opened: Callable[[], None]) -> None:
        stream.is_opening = True
        await link.request(LISTEN, {"notifications": {"resourceSubscriptions": [*stream.uris]}})

    listening = asyncio.ensure_future(keep_listening(listen, lambda: None))
    ended = asyncio.ensure_future(link.ended())
    try:
        await asyncio.wait((listening, ended), return_when=asyncio.FIRST_COMPLETED)
    finally:
        listening.cancel()
        ended.cancel()
