"""Logins: what stands for a credential, where it is kept, and when it ends."""

from __future__ import annotations

from pathlib import Path

import pytest
from mcp.server.request_state import InvalidRequestState

from gateway.console.login_folder import FolderStore
from gateway.console.logins import LIFETIME, Logins, MemoryStore, Store
from gateway.sdk.request_state import StateKeys

pytestmark = pytest.mark.anyio
MOST = 10


@pytest.fixture(params=["memory", "folder"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    return MemoryStore(MOST) if request.param == "memory" else FolderStore(tmp_path, MOST)


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def logins(store: Store, clock: Clock) -> Logins:
    return Logins(store, lambda key: StateKeys((key,)), InvalidRequestState, clock)


async def test_login_stands_for_its_credential_until_it_ends(store: Store) -> None:
    clock = Clock()
    one, other = logins(store, clock), logins(store, clock)
    first, second = await one.begin("mcp_secret"), await one.begin("mcp_secret")
    assert first != second
    assert await other.credential(first) == "mcp_secret"
    await one.end(first)
    assert (await other.credential(first), await other.credential(second)) == (None, "mcp_secret")
    clock.now += LIFETIME
    assert await one.credential(second) is None
    for unknown in ("", "x", "../x", "x" * 100):
        assert await one.credential(unknown) is None
        await one.end(unknown)


async def test_store_alone_gives_nothing_away(tmp_path: Path) -> None:
    login = await logins(FolderStore(tmp_path), Clock()).begin("mcp_secret")
    assert all("mcp_secret" not in text and login not in text for text in kept(tmp_path))
    damage(tmp_path)
    assert await logins(FolderStore(tmp_path), Clock()).credential(login) is None


async def test_logins_are_bounded(store: Store) -> None:
    for number in range(MOST + 5):
        await store.put(f"{number:05}", "sealed")
    kept = [number for number in range(MOST + 5) if await store.get(f"{number:05}")]
    assert len(kept) == MOST


def kept(folder: Path) -> list[str]:
    return [f"{path}{path.read_text()}" for path in folder.iterdir()]


def damage(folder: Path) -> None:
    for path in folder.iterdir():
        path.write_text("damaged")
