"""A stand-in for the metrics that the endpoint reads."""

from __future__ import annotations

import threading

from prometheus_client import CollectorRegistry
from prometheus_client.registry import Collector


class Counted:
    """Holds the given collectors and records the thread of each refresh."""

    def __init__(self, *collectors: Collector) -> None:
        self.registry = CollectorRegistry()
        self.refreshed_in: list[int] = []
        for collector in collectors:
            self.registry.register(collector)

    def refresh(self) -> None:
        self.refreshed_in.append(threading.get_ident())
