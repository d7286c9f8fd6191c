"""A Redis that answers and refuses: the log does not call it unavailable, and says what it refuses."""

from __future__ import annotations

import logging
from collections.abc import Callable

import pytest

from gateway.redis import RETRY_INTERVAL, Purpose, RedisClient, RedisUnavailable
from tests.redis.redis import RedisServer

pytestmark = [pytest.mark.anyio, pytest.mark.redis]
Cause = Callable[[RedisServer], None]


def out_of_memory(redis: RedisServer) -> None:
    redis.command("CONFIG", "SET", "maxmemory", "1")


def becomes_a_replica(redis: RedisServer) -> None:
    redis.command("REPLICAOF", "127.0.0.1", "1")


def needs_a_password(redis: RedisServer) -> None:
    redis.command("CONFIG", "SET", "requirepass", "x")


def permits_reading_alone(redis: RedisServer) -> None:
    redis.command("ACL", "SETUSER", "default", "-@write")


def forbids_every_command(redis: RedisServer) -> None:
    redis.command("ACL", "SETUSER", "default", "-@all")


async def answers(client: RedisClient, purpose: Purpose) -> bool:
    commands = {"cache reads": lambda: client.client.get("x"), "cache writes": lambda: client.client.set("x", "1")}
    try:
        await client.ask(purpose, commands[purpose])
    except RedisUnavailable:
        return False
    return True


@pytest.mark.parametrize(
    ("cause", "may_read", "reason"),
    [
        (out_of_memory, True, "command not allowed when used memory"),
        (becomes_a_replica, True, "You can't write against a read only replica"),
        (permits_reading_alone, True, "has no permissions to run the 'set' command"),
        (needs_a_password, False, "already authenticated"),
        (forbids_every_command, False, "has no permissions to run the"),
    ],
)
async def test_refusal_is_logged_once_for_each_purpose_and_is_no_outage(
    own_redis: RedisServer, caplog: pytest.LogCaptureFixture, cause: Cause, may_read: bool, reason: str
) -> None:
    now = 0.0
    troubles: list[str] = []
    client = RedisClient(own_redis.url, "test", clock=lambda: now)
    client.listeners.append(troubles.append)
    async with client.opened():
        assert await answers(client, "cache writes")
        cause(own_redis)
        await client.client.connection_pool.disconnect()  # a password is asked for on new connections
        for _ in range(5):
            assert not await answers(client, "cache writes")
            assert await answers(client, "cache reads") is may_read
            now += RETRY_INTERVAL / 2
    warnings = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    refused = ["cache writes"] if may_read else ["cache writes", "cache reads"]
    assert [line.partition(":")[0] for line in warnings] == [f"Redis refuses {purpose}" for purpose in refused]
    assert reason in warnings[0]
    assert set(troubles) == {"refused"}


async def test_recovery_of_a_refused_purpose_is_logged(
    own_redis: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    now = 0.0
    client = RedisClient(own_redis.url, "test", clock=lambda: now)
    async with client.opened():
        out_of_memory(own_redis)
        assert not await answers(client, "cache writes")
        own_redis.command("CONFIG", "SET", "maxmemory", "0")
        assert not await answers(client, "cache writes"), "asked again too early"
        now += RETRY_INTERVAL
        assert await answers(client, "cache writes")
    assert caplog.records[-1].getMessage() == "Redis accepts cache writes again"
