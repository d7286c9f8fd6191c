"""The answer to a refused Host, and the Host of the router's own address."""

from __future__ import annotations

import json

import pytest
from starlette.applications import Starlette

from settings.values import Settings
from tests.conftest import MakeApp
from tests.routes.raw import ask
from tests.shipped import shipped
from tests.transport import opened

pytestmark = [pytest.mark.slow, pytest.mark.anyio]


@pytest.fixture
def app(make_app: MakeApp) -> Starlette:
    return make_app(servers_dir=(shipped(),))


@pytest.mark.parametrize(
    ("host", "name"), [("Router.internal:8000", "Router.internal"), ("[2001:db8::7]", "2001:db8::7")]
)
async def test_refused_host_is_named_with_the_setting_that_allows_it(
    app: Starlette, make_app: MakeApp, host: str, name: str
) -> None:
    answer = await ask(app, "GET", "/health", [(b"host", host.encode())])
    detail = json.loads(answer.body)["detail"]
    assert detail == f"The Host {name!r} is not allowed. MCP_ALLOWED_HOSTS={name} allows it; a comma separates several."
    allowing = make_app(
        servers_dir=(shipped(),), allowed_hosts=Settings.from_env({"MCP_ALLOWED_HOSTS": name}).allowed_hosts
    )
    async with opened(allowing) as client:
        assert (await client.get("/health", headers={"host": host})).status_code == 200


@pytest.mark.parametrize(
    "hosts", [[], [b"localhost", b"evil.com"], [b"evil.com/<script>"], [b"ev\xffil"], [b"evil." * 9000]]
)
async def test_host_that_is_no_name_is_not_repeated_and_a_long_one_is_shortened(
    app: Starlette, hosts: list[bytes]
) -> None:
    answer = await ask(app, "GET", "/health", [(b"host", host) for host in hosts])
    assert answer.status == 421
    assert len(answer.body) < 1000
    if hosts != [b"evil." * 9000]:
        assert "evil" not in answer.body.decode()


@pytest.mark.parametrize(
    ("listen", "allowed", "refused"),
    [
        ("192.0.2.7", "192.0.2.7:8000", "192.0.2.8"),
        ("::", "[::1]", "[::]"),
        ("box.lan", "box.lan", "evil.lan"),
        ("*", "localhost", "evil.lan"),
    ],
)
async def test_address_that_the_router_listens_on_alone_is_allowed(
    make_app: MakeApp, listen: str, allowed: str, refused: str
) -> None:
    async with opened(make_app(servers_dir=(shipped(),), host=listen)) as client:
        assert (await client.get("/health", headers={"host": allowed})).status_code == 200
        assert (await client.get("/health", headers={"host": refused})).status_code == 421
