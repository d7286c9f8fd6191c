"""What the endpoint of the metrics is given in tests."""

from __future__ import annotations

import threading

from prometheus_client import CollectorRegistry
from prometheus_client.registry import Collector


class Counted:
    """Something to be scraped, which notes how that was done."""

    def __init__(self, *collectors: Collector) -> None:
        self.registry = CollectorRegistry()
        self.looks: list[int] = []
        for collector in collectors:
            self.registry.register(collector)

    def look(self) -> None:
        self.looks.append(threading.get_ident())
