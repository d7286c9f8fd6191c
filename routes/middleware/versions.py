"""HTTP headers of a tool's version: `Tool-Version`, `Deprecation`, `Sunset` and `Link`."""

from __future__ import annotations

from collections.abc import Awaitable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from routes.json_api.version import version_headers
from routes.scope import CALL


class VersionHeaders:
    """Writes them into the answers to calls in JSON. A stream has them too: its version is known when it begins."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        if scope["type"] != "http":
            return self.app(scope, receive, send)

        def send_with_headers(message: Message) -> Awaitable[None]:
            if message["type"] == "http.response.start" and (call := CALL.get(scope)) is not None:
                own = version_headers(call.entry, call.server, scope)
                message["headers"] = [*message.get("headers", ()), *own]
            return send(message)

        return self.app(scope, receive, send_with_headers)
