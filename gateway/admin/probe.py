"""Opens the server of an entry once, beside those that are served, to see if it can be used."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from typing import Any, Protocol

from gateway.cancellation import to_its_end
from gateway.errors import UpstreamError
from gateway.upstream.admission.rules import LONGEST_START
from gateway.upstream.config import Upstream
from gateway.upstream.instances.keeper import AnyOpening
from gateway.upstream.instances.openings import InstanceOpenings
from gateway.upstream.link import LinkFailure, Opening, Params, Refusal
from gateway.upstream.tools import Tools, list_all

AT_ONCE = 4
"""Servers that are opened at the same time; others wait."""


class Openings(Protocol):
    def opening(self, name: str, entry: Upstream) -> AnyOpening: ...


class Probe:
    def __init__(self, openings: Openings) -> None:
        self._openings = openings
        self._places = asyncio.Semaphore(AT_ONCE)

    async def __call__(self, name: str, entry: Upstream) -> dict[str, Any]:
        """Returns the `era` of the server, and the names of the `tools` that would be served.

        Raises:
            UpstreamError: it cannot be opened, or does not list its tools.
        """
        async with self._places:
            limit = min(entry.start_timeout, LONGEST_START)
            opening = self._openings.opening(name, entry)
            each = opening.each.values() if isinstance(opening, InstanceOpenings) else [opening]
            try:
                async with asyncio.timeout(limit):
                    return await _first(each, entry)
            except TimeoutError:
                reason = f"it did not start within {limit:g} seconds"
            except LinkFailure as exc:
                reason = str(exc)
            except Refusal as exc:
                reason = f"it answers with the error {exc.code}"
            finally:
                opening.close()
        raise UpstreamError(f"The server does not open: {reason}.", was_sent=False)


async def _first(openings: Iterable[Opening], entry: Upstream) -> dict[str, Any]:
    """Returns what the instance has that answers first. If none does, raises what the first of them has raised."""
    tasks = [asyncio.ensure_future(_tried(opening, entry)) for opening in openings]
    try:
        for task in asyncio.as_completed(tasks):
            with suppress(LinkFailure, Refusal):
                return await task
        return await tasks[0]
    finally:
        for each in tasks:
            each.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _tried(opening: Opening, entry: Upstream) -> dict[str, Any]:
    link = await opening(_ignored)
    try:
        has_tools = isinstance(link.identity.capabilities.get("tools"), dict)
        tools = Tools(entry)
        tools.replace(await list_all(link, "tools/list", "tools") if has_tools else [])
        era = "modern" if link.identity.is_modern else "legacy"
        return {"era": era, "tools": [tool["name"] for tool in tools.listed()]}
    finally:
        await to_its_end(link.close())


def _ignored(method: str, params: Params) -> None:
    """Takes a notification of a server that is not served."""
