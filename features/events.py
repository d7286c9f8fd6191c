"""Changes of lists and resources, told to clients at all workers and replicas: `REDIS_URL`, `WORKERS`."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from features.asking import inherited
from features.feature import Feature

if TYPE_CHECKING:
    from gateway.redis import RedisClient
    from gateway.relay.events.exchange import Way
    from gateway.sdk.changes.exchange import Exchange


@dataclass(frozen=True, slots=True, kw_only=True)
class Events(Feature):
    """`exchange` is None if there is one process alone."""

    exchange: Exchange | None = None


def events(redis: RedisClient | None) -> Events:
    """Replicas share a Redis, which also has the workers of each; workers alone have the folder of their parent."""
    own, process = inherited.get(), secrets.token_hex(8)
    way: Way
    if redis is not None:
        from gateway.relay.events.redis_way import RedisEvents

        way = RedisEvents(redis)
    elif own is not None and own.folder:
        from gateway.relay.events.unix_way import UnixEvents

        way = UnixEvents(Path(own.folder), process)
    else:
        return Events()
    from gateway.relay.events.exchange import EventExchange

    exchange = EventExchange(process, way)
    return Events(exchange=exchange, lifetimes=[exchange.opened])
