"""Gauges of the instances of servers that run elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from prometheus_client.metrics_core import GaugeMetricFamily, Metric

_LABELS = ("server", "instance")


def of_instances(servers: Mapping[str, Sequence[Mapping[str, Any]]]) -> Iterable[Metric]:
    """Returns the state of the instances of servers that have several. Their addresses are of the configuration."""
    up = GaugeMetricFamily("mcp_instance_up", "1 if the instance gets calls", labels=_LABELS)
    in_flight = GaugeMetricFamily("mcp_instance_in_flight", "Requests in flight at the instance", labels=_LABELS)
    several = {name: found for name, found in servers.items() if len(found) > 1}
    for name, instances in several.items():
        for instance in instances:
            up.add_metric([name, instance["address"]], instance["state"] == "ready")
            in_flight.add_metric([name, instance["address"]], instance["inFlight"])
    return (up, in_flight) if several else ()
