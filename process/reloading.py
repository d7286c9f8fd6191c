"""The application under `uvicorn --reload` (`make dev`), which goes on when a server's file is broken."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from typing import Any

from starlette.applications import Starlette
from starlette.types import Message, Receive, Scope, Send

from gateway.errors import LoadError
from gateway.telemetry.refusals import Refusals
from process.address import allowed_hosts, url_at
from process.banner import banner_lines
from process.shutdown import running_server
from routes.errors import problem
from routes.middleware.guard import Guard
from settings.reader import SettingError
from settings.values import Settings

logger = logging.getLogger(__name__)


def is_reloading() -> bool:
    """Returns True in the process that uvicorn ends and starts again when a file changes."""
    return bool(getattr(getattr(running_server(), "config", None), "should_reload", False))


class Reloading:
    """Serves what `load` returns, and prints the table. If it cannot be loaded or opened, each request gets the reason.

    Without this the process would end, and requests would wait without end at the socket that uvicorn keeps open.
    """

    def __init__(self, load: Callable[[], tuple[Settings, Starlette]]) -> None:
        self._app: Starlette | None = None
        self._settings, self._failure = Settings(), ""
        try:
            self._settings, self._app = load()
        except (SettingError, LoadError) as exc:
            self._failure = str(exc)
            logger.error("%s", exc)
        self._refusal = Guard(self._refuse, allowed_hosts(self._settings), self._settings.allowed_origins, Refusals())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(scope, receive, send)
        elif self._app is None or self._failure:
            await self._refusal(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _live(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def noted(message: Message) -> None:
            if message["type"] == "lifespan.startup.complete":
                self._announce()
            elif message["type"] == "lifespan.startup.failed":  # sent while the reason is handled, and logged by others
                self._failure = str(sys.exception())
                return
            await send(message)

        if self._app is None:
            await receive()
        else:
            await self._app(scope, receive, noted)
        if self._failure:
            await send({"type": "lifespan.startup.complete"})
            await receive()
            await send({"type": "lifespan.shutdown.complete"})

    async def _refuse(self, scope: Scope, receive: Receive, send: Send) -> None:
        await problem("unavailable", self._failure, {"Retry-After": "1"})(scope, receive, send)

    def _announce(self) -> None:
        assert self._app is not None
        config: Any = running_server().config
        base = "http://localhost" if config.uds else url_at(config.host, config.port)
        print(*banner_lines(self._app.state.registry, self._settings, base, config.uds or ""), sep="\n", flush=True)
