"""The resources that clients watch, as the upstream is told of them at the links of one place."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from contextlib import suppress

from mcp.shared.exceptions import MCPError

from gateway.errors import GatewayError, Unavailable
from gateway.sdk.native import protocol_error
from gateway.upstream.backend import Backend
from gateway.upstream.calls.listening import Listening, Missed
from gateway.upstream.link import NOBODY, Link, Refusal

PATIENCE = 5.0
"""Seconds that an upstream may take."""

_SUBSCRIBE, _UNSUBSCRIBE = "resources/subscribe", "resources/unsubscribe"


class Subscriptions:
    """`settle` makes the upstream watch the `wanted` resources, and no others."""

    def __init__(self, backend: Backend, place: str, missed: Missed) -> None:
        self.wanted: set[str] = set()
        self._listening = Listening(missed)
        self._told: set[str] = set()
        self._telling = asyncio.Lock()
        self._backend = backend
        self._place = place
        self.end = self._listening.end

    async def settle(self) -> Mapping[str, MCPError]:
        """Returns the resources that the upstream has refused, with its errors.

        Raises:
            MCPError: it cannot be reached, or does not answer.
        """
        try:
            async with asyncio.timeout(PATIENCE), self._telling:
                if self._told == self.wanted:
                    return {}
                is_modern = await self._backend.is_modern(self._place)
                if self._told == self.wanted:  # the link was opened for it
                    return {}
                if not is_modern:
                    return await self._settle_each()
                if links := self._backend.links(self._place):
                    self._told = {*self.wanted}
                    for link in links:
                        self._listening.watch(link, [*self._told])
                return {}
        except GatewayError as exc:
            raise protocol_error(exc) from exc
        except TimeoutError as exc:
            raise protocol_error(Unavailable("The server does not answer.")) from exc

    async def repeat(self, link: Link) -> Collection[str]:
        """Subscribes again at a new link. Returns the resources, which may have changed meanwhile. Raises LinkFailure.

        It does not wait for `settle`, which may wait for this link.
        """
        uris = [*self.wanted]
        if all(other is link for other in self._backend.links(self._place)):
            self._told = {*uris}  # else `settle` tells the others
        if link.identity.is_modern:
            self._listening.watch(link, uris)
            return uris
        for uri in uris:
            with suppress(Refusal, TimeoutError):
                async with asyncio.timeout(PATIENCE):
                    await link.request(_SUBSCRIBE, {"uri": uri})
        return uris

    def expect_links(self) -> None:
        """Notes that each link will be told everything by `repeat`."""
        self._told = {*self.wanted}

    def forget(self) -> None:
        """Notes that there is no link that watches what is not wanted any more."""
        self._told &= self.wanted

    async def _settle_each(self) -> Mapping[str, MCPError]:
        """Raises GatewayError."""
        refused: dict[str, MCPError] = {}

        async def ask(method: str, uri: str) -> None:
            self._told.discard(uri)
            params = {"uri": uri}
            try:
                await self._backend.request(method, params, None, session="", place=self._place, origin=NOBODY)
            except Refusal as exc:
                refused[uri] = MCPError(exc.code, exc.message, exc.data)
            else:
                self._told |= {uri} if method == _SUBSCRIBE else set()

        new, old = self.wanted - self._told, self._told - self.wanted
        asked = [asyncio.ensure_future(ask(_UNSUBSCRIBE, uri)) for uri in old]
        asked += [asyncio.ensure_future(ask(_SUBSCRIBE, uri)) for uri in new]
        try:
            await asyncio.gather(*asked)
        finally:
            for task in asked:
                task.cancel()
        return refused
