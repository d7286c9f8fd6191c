"""The event loop, which goes on after an exit that a task of a tool asked for."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from functools import partial
from traceback import extract_tb
from typing import Any

import uvicorn

logger = logging.getLogger(__name__)
LoopFactory = Callable[[], asyncio.AbstractEventLoop]


class Config(uvicorn.Config):
    """Gives each process, the workers too, a loop that only its server ends."""

    def get_loop_factory(self) -> LoopFactory:
        return partial(_lasting, super().get_loop_factory() or asyncio.new_event_loop)


def _lasting(make: LoopFactory) -> asyncio.AbstractEventLoop:
    """Returns a new loop.

    asyncio raises SystemExit and KeyboardInterrupt of any task or callback out of the loop, which ends the process. No
    boundary stands around a task that a tool has left behind.
    """
    loop = make()
    run = loop.run_until_complete

    def run_until_complete(future: Any) -> Any:
        main = asyncio.ensure_future(future, loop=loop)
        while True:
            try:
                return run(main)
            except (SystemExit, KeyboardInterrupt) as exc:
                if main.done():
                    raise
                place = extract_tb(exc.__traceback__)[-1]
                logger.error(
                    "A background task raised %r at %s:%s; the process goes on", exc, place.filename, place.lineno
                )

    loop.run_until_complete = run_until_complete  # type: ignore[method-assign]
    return loop
