"""Connections at the URL of GraphQL are connections like all others: one share of a caller, one end."""

from __future__ import annotations

from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from tests.conftest import MakeApp, server_of
from tests.documents import GRAPHQL
from tests.keys import add_key, bearer
from tests.sockets import Refused, connected
from tests.transport import opened

pytestmark = pytest.mark.anyio
PROTOCOL = ["graphql-transport-ws"]


async def test_caller_has_one_share_of_the_connections_at_both_urls(make_app: MakeApp, tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    ada, bob = ([(b"authorization", bearer(add_key(path, name, "*"))["authorization"].encode())] for name in "ab")
    app = make_app(server_of(), graphql=GRAPHQL, auth_keys=str(path), max_share=0.0002)  # two of 10,000 connections
    async with opened(app), AsyncExitStack() as sockets:
        await sockets.enter_async_context(connected(app, "/ws", ada))
        await sockets.enter_async_context(connected(app, GRAPHQL, ada, subprotocols=PROTOCOL))
        for url, spoken in (("/ws", []), (GRAPHQL, PROTOCOL)):
            with pytest.raises(Refused) as refused:
                await sockets.enter_async_context(connected(app, url, ada, subprotocols=spoken))
            assert refused.value.document["type"].endswith(":share-exceeded")
        await sockets.enter_async_context(connected(app, GRAPHQL, bob, subprotocols=PROTOCOL))


async def test_no_websocket_is_served_if_they_are_off(make_app: MakeApp) -> None:
    app = make_app(server_of(), graphql=GRAPHQL, websocket=False)
    async with opened(app):
        for url in (GRAPHQL, "/ws"):
            with pytest.raises(Refused):
                async with connected(app, url, subprotocols=PROTOCOL):
                    pass
