"""White space behind a header's value is no part of it."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.types import Receive, Scope, Send

from routes.native.endpoint import Native

pytestmark = pytest.mark.anyio
PLAIN = [(b"mcp-name", b"add tool"), (b"accept", b"*/*")]


@pytest.mark.parametrize("headers", [PLAIN, [(b"mcp-name", b"add tool \t"), (b"accept", b"*/*")]])
async def test_the_endpoint_sees_values_without_it(headers: list[tuple[bytes, bytes]]) -> None:
    seen: list[Any] = []

    async def endpoint(scope: Scope, receive: Receive, send: Send) -> None:
        seen.extend(scope["headers"])

    scope = {"type": "http", "headers": headers}
    await Native(endpoint)(scope, None, None)  # type: ignore[arg-type]
    assert seen == PLAIN
